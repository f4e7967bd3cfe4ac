import assert from "node:assert/strict";
import { createJwksKeys, type JwksKeysOptions } from "../../lib/auth/jwks_keys.ts";
import type { KeySource } from "../../lib/auth/key_source.ts";
import { createVerifier, type TokenVerifier } from "../../lib/auth/verifier.ts";
import { ProtocolError } from "../../lib/protocol/codes.ts";
import { createSigningKey, type JwksServer, startJwksServer } from "./jwks_server.ts";
import { hmacToken } from "./tokens.ts";

const COOLDOWN_MS = 5000;

interface Setup extends Disposable {
  keys: KeySource;
  verifier: TokenVerifier;
  errors: Error[];
  /** Resolves at the next failed fetch. */
  failed(): Promise<Error>;
  /** Lets the cooldown pass. */
  cool(): void;
}

function setUp(server: JwksServer, options: Partial<JwksKeysOptions> = {}): Setup {
  let nowMs = 0;
  let failed = Promise.withResolvers<Error>();
  const errors: Error[] = [];
  const keys = createJwksKeys({
    url: server.url,
    cooldownMs: COOLDOWN_MS,
    now: () => nowMs,
    onError(error) {
      errors.push(error);
      failed.resolve(error);
      failed = Promise.withResolvers();
    },
    ...options,
  });
  return {
    keys,
    verifier: createVerifier({ keys, requireExpiry: false }),
    errors,
    failed: () => failed.promise,
    cool: () => nowMs += COOLDOWN_MS,
    [Symbol.dispose]: () => keys[Symbol.dispose](),
  };
}

async function codeOf(work: Promise<unknown>): Promise<string> {
  const error = await work.then(() => assert.fail("accepted"), (error) => error);
  assert(error instanceof ProtocolError, String(error));
  return error.code;
}

async function userOf(verifier: TokenVerifier, token: string): Promise<string> {
  return (await verifier.verify(token)).user.id;
}

Deno.test("a key set is fetched once for many tokens", async () => {
  const key = await createSigningKey("a");
  await using server = startJwksServer(key);
  using setup = setUp(server);
  const users = ["u1", "u2", "u3", "u4"];
  const tokens = await Promise.all(users.map((user) => key.sign(user)));
  assert.deepEqual(await Promise.all(tokens.map((token) => userOf(setup.verifier, token))), users);
  assert.equal(server.requests, 1);
});

Deno.test("a new kid causes exactly one fetch, and the key that is gone serves no more", async () => {
  const [old, next] = [await createSigningKey("old"), await createSigningKey("next")];
  await using server = startJwksServer(old);
  using setup = setUp(server);
  const oldToken = await old.sign("u1");
  assert.equal(await userOf(setup.verifier, oldToken), "u1");

  server.publish(next);
  setup.cool();
  const tokens = await Promise.all(Array.from({ length: 50 }, (_, n) => next.sign(`u${n}`)));
  await Promise.all(tokens.map((token) => setup.verifier.verify(token)));
  assert.equal(server.requests, 2);
  // it was verified and remembered before
  assert.equal(await codeOf(setup.verifier.verify(oldToken)), "auth/invalid-signature");
});

Deno.test("unknown kids cause one fetch in a cooldown at most", async () => {
  const [key, foreign] = [await createSigningKey("a"), await createSigningKey("b")];
  await using server = startJwksServer(key);
  using setup = setUp(server);
  await setup.verifier.verify(await key.sign("u1"));
  for (let round = 1; round <= 2; round++) {
    setup.cool();
    for (const kid of ["b", "c", "../../etc/passwd", "http://evil.example/", "x".repeat(200)]) {
      const token = await foreign.sign("u1", { kid });
      assert.equal(await codeOf(setup.verifier.verify(token)), "auth/invalid-signature");
    }
    assert.equal(server.requests, 1 + round);
  }
});

Deno.test("a kid that no key can have causes no fetch", async () => {
  const key = await createSigningKey("a");
  await using server = startJwksServer(key);
  using setup = setUp(server);
  await setup.verifier.verify(await key.sign("u1"));
  setup.cool();
  for (const kid of [7, null, {}, ["a"], "x".repeat(201)]) {
    const token = await key.sign("u1", { kid });
    assert.equal(await codeOf(setup.verifier.verify(token)), "auth/invalid-signature");
  }
  assert.equal(server.requests, 1);
});

Deno.test("the last good set serves while the URL is down, and a rotation is seen once it is back", async () => {
  const [old, next] = [await createSigningKey("old"), await createSigningKey("next")];
  await using server = startJwksServer(old);
  using setup = setUp(server);
  await setup.verifier.verify(await old.sign("u1"));

  server.answer = () => new Response("down", { status: 503 });
  setup.cool();
  assert.equal(await codeOf(setup.verifier.verify(await next.sign("u2"))), "auth/invalid-signature");
  assert.equal(await userOf(setup.verifier, await old.sign("u3")), "u3");
  assert.equal(setup.errors.length, 1);

  server.publish(old, next);
  setup.cool();
  assert.equal(await userOf(setup.verifier, await next.sign("u2")), "u2");
  assert.equal(await userOf(setup.verifier, await old.sign("u1")), "u1");
});

Deno.test("a set that cannot be fetched again is trusted for a day and no longer", async () => {
  const key = await createSigningKey("a");
  await using server = startJwksServer(key);
  let nowMs = 0;
  using setup = setUp(server, { now: () => nowMs });
  const token = await key.sign("u1"), other = await createSigningKey("other");
  await setup.verifier.verify(token);
  server.answer = () => new Response("down", { status: 503 });

  const early = setup.failed();
  nowMs = 86_400_000 - 1;
  assert.equal(await codeOf(setup.verifier.verify(await other.sign("u2"))), "auth/invalid-signature");
  await early;
  assert.equal(await userOf(setup.verifier, token), "u1");

  const late = setup.failed();
  nowMs += COOLDOWN_MS;
  assert.equal(await codeOf(setup.verifier.verify(await other.sign("u2"))), "auth/keys-unavailable");
  await late;
  assert.equal(await codeOf(setup.verifier.verify(token)), "auth/keys-unavailable");
});

Deno.test("without any set tokens are to be tried again, until one can be fetched", async () => {
  const key = await createSigningKey("a");
  await using server = startJwksServer(key);
  server.answer = () => new Response(null, { status: 500 });
  using setup = setUp(server);
  const token = await key.sign("u1");
  for (let n = 0; n < 3; n++) {
    await assert.rejects(setup.verifier.verify(token), (error) => {
      assert(error instanceof ProtocolError);
      assert.equal(error.code, "auth/keys-unavailable");
      assert.equal(error.retryAfterMs, COOLDOWN_MS);
      return true;
    });
  }
  assert.equal(server.requests, 1);

  server.publish(key);
  setup.cool();
  assert.equal(await userOf(setup.verifier, token), "u1");
});

Deno.test("a server that cannot be reached leaves the keys unavailable", async () => {
  const key = await createSigningKey("a");
  const server = startJwksServer(key);
  await server[Symbol.asyncDispose]();
  using setup = setUp(server);
  assert.equal(await codeOf(setup.verifier.verify(await key.sign("u1"))), "auth/keys-unavailable");
});

Deno.test("an answer that comes too late does not undo a newer one", async () => {
  const [old, next] = [await createSigningKey("old"), await createSigningKey("next")];
  const late = Promise.withResolvers<Response>();
  await using server = startJwksServer();
  server.answer = () => late.promise;
  using setup = setUp(server, { timeoutMs: 20 });
  await setup.failed();

  server.publish(next);
  setup.cool();
  const token = await next.sign("u1");
  assert.equal(await userOf(setup.verifier, token), "u1");
  late.resolve(Response.json({ keys: [old.jwk] }));
  setup.cool();
  assert.equal(await codeOf(setup.verifier.verify(await old.sign("u2"))), "auth/invalid-signature");
  assert.equal(await userOf(setup.verifier, token), "u1");
});

Deno.test("a body that never ends is given up after the timeout", async () => {
  const key = await createSigningKey("a");
  await using server = startJwksServer();
  const cancelled = Promise.withResolvers<void>();
  server.answer = () =>
    new Response(
      new ReadableStream({
        start: (controller) => controller.enqueue(new TextEncoder().encode('{"keys":[')),
        cancel: () => cancelled.resolve(),
      }),
    );
  using setup = setUp(server, { timeoutMs: 20 });
  assert.equal(await codeOf(setup.verifier.verify(await key.sign("u1"))), "auth/keys-unavailable");
  assert.equal(setup.errors.length, 1);
  await cancelled.promise;
});

Deno.test("answers that are no good key set do not push out a good one", async (t) => {
  const key = await createSigningKey("a");
  await using server = startJwksServer(key);
  using setup = setUp(server, { maxBytes: 10_000 });
  await setup.verifier.verify(await key.sign("u1"));
  const oct = { kty: "oct", k: "c2VjcmV0", kid: "s" };
  const answers: Record<string, () => Response> = {
    "no JSON": () => new Response("<html>"),
    "not UTF-8": () => new Response(new Uint8Array([0xff, 0xfe])),
    "null": () => Response.json(null),
    "no keys member": () => Response.json({}),
    "keys that are no objects": () => Response.json({ keys: [1, null] }),
    "no keys": () => Response.json({ keys: [] }),
    "a secret": () => Response.json({ keys: [oct] }),
    "an encryption key": () => Response.json({ keys: [{ ...key.jwk, use: "enc" }] }),
    "too many keys": () => Response.json({ keys: Array(101).fill({ kty: "EC" }) }),
    "too many bytes": () => Response.json({ keys: [key.jwk], padding: "x".repeat(10_000) }),
    "a redirect": () => Response.redirect(`${server.url}/elsewhere`),
    "nothing": () => new Response(null, { status: 204 }),
  };
  for (const [name, answer] of Object.entries(answers)) {
    await t.step(name, async () => {
      server.answer = answer;
      setup.cool();
      const before = setup.errors.length;
      const unknown = await key.sign("u1", { kid: "unknown" });
      assert.equal(await codeOf(setup.verifier.verify(unknown)), "auth/invalid-signature");
      assert.equal(setup.errors.length, before + 1);
      assert.equal(await userOf(setup.verifier, await key.sign(name)), name);
    });
  }
});

Deno.test("a secret in a key set verifies nothing", async () => {
  const key = await createSigningKey("a");
  await using server = startJwksServer(key);
  const secret = "a secret that somebody published";
  server.answer = () =>
    Response.json({ keys: [key.jwk, { kty: "oct", k: btoa(secret).replaceAll("=", ""), kid: "s" }] });
  using setup = setUp(server);
  await setup.verifier.verify(await key.sign("u1"));
  for (const header of [{ alg: "HS256", kid: "s" }, { alg: "HS256", kid: "a" }, { alg: "HS256" }]) {
    const token = hmacToken(header, { sub: "u1" }, { secret });
    assert.equal(await codeOf(setup.verifier.verify(token)), "auth/invalid-signature");
  }
});

Deno.test("a token without kid is tried with the keys that fit", async () => {
  const [first, second] = [await createSigningKey("a"), await createSigningKey("b")];
  const foreign = await createSigningKey("c");
  await using server = startJwksServer(first, second);
  using setup = setUp(server);
  assert.equal(await userOf(setup.verifier, await first.sign("u1", {})), "u1");
  assert.equal(await userOf(setup.verifier, await second.sign("u2", {})), "u2");
  assert.equal(await codeOf(setup.verifier.verify(await foreign.sign("u3", {}))), "auth/invalid-signature");
});

Deno.test("a key serves only the algorithm and the purpose that it names", async () => {
  const key = await createSigningKey("a");
  await using server = startJwksServer(key);
  server.answer = () => Response.json({ keys: [key.jwk, { ...key.jwk, kid: "e", use: "enc" }] });
  using setup = setUp(server);
  assert.equal(
    await codeOf(setup.verifier.verify(await key.sign("u1", { kid: "e" }))),
    "auth/invalid-signature",
  );
  assert.equal(await userOf(setup.verifier, await key.sign("u1")), "u1");
});

Deno.test("the set is fetched regularly, without a token that asks for it", async () => {
  const key = await createSigningKey("a");
  await using server = startJwksServer(key);
  const third = Promise.withResolvers<void>();
  server.answer = () => {
    if (server.requests === 3) third.resolve();
    return Response.json({ keys: [key.jwk] });
  };
  using setup = setUp(server, { refreshMs: 1 });
  await third.promise;
  assert.equal(setup.keys.generation, 1);
});

Deno.test("a fetch that runs ends with its source, silently", async () => {
  await using server = startJwksServer();
  const asked = Promise.withResolvers<void>();
  const held = Promise.withResolvers<Response>();
  server.answer = () => {
    asked.resolve();
    return held.promise;
  };
  const setup = setUp(server);
  await asked.promise;
  const key = await createSigningKey("a");
  const waiting = codeOf(setup.verifier.verify(await key.sign("u1")));
  setup[Symbol.dispose]();
  assert.equal(await waiting, "auth/keys-unavailable");
  assert.deepEqual(setup.errors, []);
  held.resolve(new Response());
});
