/** No token and no secret appears in a log, a metric, an error or a page: a full run at full volume, and a search through all of it. */
import assert from "node:assert/strict";
import { openPolling } from "./support/engine_raw.ts";
import { connect, foreignClient, refusal } from "./support/foreign_client.ts";
import { startTether } from "./support/tether_process.ts";
import { testToken, unsignedToken } from "./support/tokens.ts";

const SECRETS = {
  JWT_SECRET: "the-secret-of-this-run-well-over-32-bytes",
  SERVICE_TOKEN: "the-service-token-of-this-run",
  METRICS_TOKEN: "the-metrics-token-of-this-run",
};

for (const LOG_FORMAT of ["json", "pretty"]) {
  Deno.test(`no token or secret in the output, the answers and the pages of a run (${LOG_FORMAT})`, async () => {
    const hidden = new Map<string, string>(Object.entries(SECRETS).map(([name, value]) => [value, name]));
    const seen: [where: string, text: string][] = [];
    await using server = await startTether({
      env: {
        ...SECRETS,
        ...{ LOG_FORMAT, LOG_LEVEL: "trace", AUTH_DEMO: "true", EVENTS_PER_SECOND: "20" },
        ...{
          WEBSOCKET_SERVER_LOGGING: "true",
          WEBSOCKET_SERVER_ENGINEIO_LOGGING: "true",
          DRAIN_SECONDS: "0",
        },
      },
    });
    const { url } = server;

    /** Takes a token for one that must not be seen: as a whole, and its signature alone. */
    function hide(token: string, name: string): string {
      hidden.set(token, name);
      const signature = token.split(".")[2];
      if (signature) hidden.set(signature, `the signature of ${name}`);
      return token;
    }
    async function ask(path: string, init: RequestInit = {}): Promise<Response> {
      const response = await fetch(url + path, { redirect: "manual", ...init });
      const cookies = response.headers.getSetCookie().join();
      const text = await response.clone().text();
      const headers = [...response.headers].filter(([name]) => name !== "set-cookie");
      // the answer that a token is asked with gives it
      const gives = /^\/api\/auth\/(sign-in|refresh)$/.test(path) && response.ok;
      if (!gives) seen.push([`${init.method ?? "GET"} ${path}`, JSON.stringify(headers) + cookies + text]);
      return response;
    }
    const bearer = (token: string): RequestInit => ({ headers: { authorization: `Bearer ${token}` } });
    const json = (body: unknown, headers = {}): RequestInit => ({
      method: "POST",
      headers: { "content-type": "application/json", ...headers },
      body: typeof body === "string" ? body : JSON.stringify(body),
    });

    // signing in, renewing, and the pages
    const signedIn = await (await ask("/api/auth/sign-in", json({ name: "Ada" }))).json();
    const token = hide(signedIn.token, "the signed-in token");
    const cookie = `tether_token=${token}`;
    const renewed = hide(
      (await (await ask("/api/auth/refresh", { method: "POST", headers: { cookie } })).json()).token,
      "the renewed token",
    );
    for (const path of ["/", "/chat", "/sign-in", "/sign-in?because=auth/expired", "/no/such/page"]) {
      await ask(path);
      await ask(path, { headers: { cookie } });
    }
    const bad = {
      "an expired token": await testToken({ secret: SECRETS.JWT_SECRET, expiresInS: -60 }),
      "a token of another secret": await testToken({ secret: "another-secret-of-at-least-32-bytes!" }),
      "an unsigned token": await unsignedToken(),
      "a malformed token": "eyJhbGciOiJIUzI1NiJ9.bm90LWpzb24.c2lnbmF0dXJl",
      "a token with a strange claim": await testToken({
        secret: SECRETS.JWT_SECRET,
        claims: { role: "x\u0000" },
      }),
    };
    for (const [name, value] of Object.entries(bad)) {
      hide(value, name);
      for (const path of ["/", "/api/auth/me", "/api/presence", "/api/sessions", "/metrics"]) {
        await ask(path, { headers: { cookie: `tether_token=${value}` } });
        await ask(path, bearer(value));
      }
      await ask("/api/auth/refresh", { method: "POST", ...bearer(value) });
      await ask("/api/auth/sign-out", { method: "POST", ...bearer(value) });
    }
    // endpoints, well and badly asked
    for (const path of ["/api/sessions", "/api/auth/me", "/api/presence", "/api/channels"]) {
      await ask(path, bearer(token));
    }
    for (const path of ["/api/auth/sign-in", "/api/events", "/api/calls", "/api/channels"]) {
      await ask(path, json(`{"token":"${token}`, { cookie }));
      await ask(path, json({ name: [token], token }, { cookie }));
      await ask(
        path,
        json({ to: { userIds: ["ada"] }, data: { type: "x" } }, bearer(SECRETS.SERVICE_TOKEN).headers),
      );
      await ask(path, json({ to: {} }, bearer(SECRETS.SERVICE_TOKEN).headers));
      await ask(path, json({}, bearer(`${SECRETS.SERVICE_TOKEN}x`).headers));
    }
    await ask(`/metrics?token=${SECRETS.METRICS_TOKEN.length}`, bearer(SECRETS.METRICS_TOKEN));
    assert.equal((await ask("/metrics", bearer(SECRETS.METRICS_TOKEN))).status, 200);
    await ask("/readyz");
    await ask("/api/auth/refresh", { method: "POST", headers: { cookie, origin: "https://evil.example" } });

    // sockets, well and badly opened, and what is said on them
    for (const [name, value] of Object.entries(bad)) {
      await using client = foreignClient(url, { token: value });
      const refused = refusal(client);
      client.socket.connect();
      seen.push([
        `the refusal of ${name}`,
        JSON.stringify(await refused, ["message", "data", "code", "action"]),
      ]);
    }
    const frames: string[] = [];
    await using client = foreignClient(url, { token: renewed, query: { token: renewed } });
    client.socket.onAny((...args) => frames.push(JSON.stringify(args)));
    await connect(client);
    for (const event of ["user-join", "auth:refresh", "heartbeat", "join-channels", token, "presence:list"]) {
      for (
        const payload of [{ token, auth: { token } }, { token: bad["an expired token"] }, token, {
          active: token,
        }]
      ) {
        frames.push(JSON.stringify(await client.ask(event, payload)));
        // unanswered, an error names its event: what the client itself called it
        if (event !== token) client.socket.emit(event, payload);
      }
    }
    await Promise.all(Array.from({ length: 30 }, () => client.ask("heartbeat", { token })));
    await using polling = foreignClient(url, { token: renewed, transports: ["polling"] });
    await connect(polling);
    // an engine's own id is all it takes to speak for a polling client
    const raw = await openPolling(`${url}/ws/socket.io/`);
    hide(raw.handshake.sid, "an engine id");
    await raw.post(`40{"token":"${token}"}`);
    await (await fetch(`${url}/ws/socket.io/?EIO=4&transport=none&token=${token}`)).body?.cancel();
    await (await fetch(`${url}/ws/socket.io/?EIO=3&transport=polling&token=${token}`)).body?.cancel();
    const ended = client.next("session:end");
    assert.equal((await ask("/api/auth/sign-out", { method: "POST", headers: { cookie } })).status, 200);
    frames.push(JSON.stringify(await ended));
    await ask("/", { headers: { cookie } });
    assert.equal(await server.stop(), 0);

    seen.push(["what the sockets were told", frames.join("\n")], ["the output", server.output]);
    assert.ok(server.output.includes("A session began") && server.output.includes("A connection opened"));
    assert.ok(server.output.includes("A request was refused"));
    const found = seen.flatMap(([where, text]) =>
      [...hidden].filter(([secret]) => text.includes(secret)).map(([, name]) => `${name} in ${where}`)
    );
    assert.deepEqual(found, []);
  });
}
