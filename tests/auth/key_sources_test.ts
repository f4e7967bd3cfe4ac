/** Tokens of another issuer, by public key and by key set, from the settings to the socket of a real process. */
import assert from "node:assert/strict";
import { generateKeyPairSync, type KeyObject } from "node:crypto";
import { SignJWT } from "jose";
import { connect, foreignClient, refusal, type RefusedError } from "../support/foreign_client.ts";
import { httpClient } from "../support/http_client.ts";
import { startTether } from "../support/tether_process.ts";
import { createSigningKey, startJwksServer } from "./jwks_server.ts";

function sign(key: KeyObject, alg: string): Promise<string> {
  return new SignJWT({ sub: "ada", name: "Ada" }).setProtectedHeader({ alg }).setExpirationTime("1h")
    .setIssuer("https://issuer.example").setAudience("tether").setIssuedAt().sign(key);
}

async function readyUser(url: string, token: string): Promise<unknown> {
  await using client = foreignClient(url, { token, protocol: 1 });
  return ((await connect(client)).user as { id: string }).id;
}

async function refused(url: string, token: string): Promise<RefusedError["data"]> {
  await using client = foreignClient(url, { token, protocol: 1 });
  const refusing = refusal(client);
  client.socket.connect();
  return (await refusing).data;
}

Deno.test("JWT_PUBLIC_KEY: tokens of that key open sessions and pages, others do not", async () => {
  const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const foreign = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const pem = publicKey.export({ type: "spki", format: "pem" }).toString();
  await using server = await startTether({
    env: { JWT_PUBLIC_KEY: pem, JWT_ISSUER: "https://issuer.example", JWT_AUDIENCE: "tether" },
  });
  const token = await sign(privateKey, "ES256");
  assert.equal(await readyUser(server.url, token), "ada");
  assert.deepEqual(await refused(server.url, await sign(foreign.privateKey, "ES256")), {
    ...{ code: "auth/invalid-signature", action: "reauth" },
  });
  const client = httpClient(server.url);
  client.cookie = `tether_token=${token}`;
  const page = await client.ask("GET", "/");
  assert.ok(page.status === 200 && page.body.includes("<strong>Ada</strong>"));
  assert.equal((await client.ask("POST", "/api/auth/refresh")).body.token, token);
  client.cookie = undefined;
  const signIn = await client.ask("POST", "/api/auth/sign-in", { json: { name: "Ada" } });
  assert.deepEqual([signIn.status, signIn.body.error.code], [404, "access/not-found"]);
});

Deno.test("JWT_JWKS_URL: keys are fetched, a new one when a token names it, and nobody is refused for an outage", async () => {
  const [one, two] = await Promise.all([createSigningKey("one"), createSigningKey("two")]);
  await using issuer = startJwksServer(one);
  const password = "the-password-in-the-url";
  const jwksUrl = issuer.url.replace("http://", `http://tether:${password}@`) + `?key=${password}`;
  // what is not there yet when the server starts
  issuer.answer = () => new Response("not yet", { status: 503 });
  await using server = await startTether({
    env: { JWT_JWKS_URL: jwksUrl, JWT_EXPIRES_IN: "-1" },
  });
  const token = await one.sign("ada");
  const { code, action, retryAfterMs } = await refused(server.url, token);
  assert.deepEqual([code, action], ["auth/keys-unavailable", "retry"]);
  assert.ok(retryAfterMs! > 0 && retryAfterMs! <= 5000);

  const client = httpClient(server.url);
  client.cookie = `tether_token=${token}`;
  const me = await client.ask("GET", "/api/auth/me");
  assert.deepEqual([me.status, me.body.error.code], [503, "auth/keys-unavailable"]);
  assert.ok(Number(me.headers.get("retry-after")) > 0);
  // the token may be good, so nobody is sent away to sign in
  const page = await client.ask("GET", "/");
  assert.equal(page.status, 503);
  assert.match(page.body, /Please try again/);

  // it comes up; the next fetch, once its cooldown is over, finds it
  const { promise: fetched, resolve } = Promise.withResolvers<void>();
  issuer.answer = () => {
    resolve();
    return Response.json({ keys: [one.jwk] });
  };
  await fetched;
  while ((await client.ask("GET", "/api/auth/me")).status === 503);
  assert.equal(await readyUser(server.url, token), "ada");

  // and goes down again: what was good stays good
  issuer.answer = () => new Response(null, { status: 500 });
  assert.equal(await readyUser(server.url, await one.sign("ada")), "ada");
  assert.equal((await refused(server.url, await two.sign("ada"))).code, "auth/invalid-signature");
  assert.ok(!server.output.includes(password), "the URL's password is in the log");
  await server.stop();
  assert.ok(!server.output.includes(password), "the URL's password is in the log");
});

Deno.test("JWT_JWKS_URL: an issuer that cannot be reached is logged without its URL's password", async () => {
  const password = "the-password-in-the-url";
  const closed = Deno.listen({ port: 0, hostname: "127.0.0.1" });
  const { port } = closed.addr;
  closed.close();
  await using server = await startTether({
    env: { JWT_JWKS_URL: `http://tether:${password}@127.0.0.1:${port}/keys?key=${password}` },
  });
  await server.printed(/Fetching the keys failed/);
  await server.stop();
  assert.ok(!server.output.includes(password), server.output);
});

Deno.test("a key that cannot serve stops start-up with one message that shows nothing of it", async () => {
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const pem = privateKey.export({ type: "pkcs8", format: "pem" }).toString();
  const bad: Record<string, string>[] = [
    { JWT_PUBLIC_KEY: "the-garbage-that-is-no-key" },
    { JWT_PUBLIC_KEY: pem },
    { JWT_SECRET: "a-secret-that-is-long-enough-to-be-one", JWT_ALGORITHMS: "RS256" },
    { JWT_SECRET: "too-short" },
  ];
  for (const env of bad) {
    await assert.rejects(startTether({ env }), ({ message }: Error) => {
      assert.match(message, /Cannot start: 1 setting is not good\n {2}- JWT/);
      for (const value of Object.values(env)) {
        assert.ok(value === "RS256" || !message.includes(value.slice(0, 60)));
      }
      return !message.includes("file://");
    });
  }
});
