import assert from "node:assert/strict";
import { createSecretKeys } from "../../lib/auth/secret_keys.ts";
import type { KeySource } from "../../lib/auth/key_source.ts";
import { createVerifier } from "../../lib/auth/verifier.ts";
import type { Code } from "../../lib/protocol/codes.ts";
import { hmacToken } from "./tokens.ts";

const SECRET = "a secret of the server, well over 32 bytes";
const NOW_S = 1_800_000_000;
const HEADER = { alg: "HS256" };
const token = (claims: unknown) => hmacToken(HEADER, claims, { secret: SECRET });
const code = (expected: Code) => ({ name: "ProtocolError", code: expected });

/** The keys, counting how often one is asked for: once for every signature that is checked. */
async function countedKeys(): Promise<KeySource & { generation: number; asked: number }> {
  const keys = await createSecretKeys({ secret: SECRET });
  const counted = {
    ...keys,
    asked: 0,
    find: (...[header, jws]: Parameters<KeySource["find"]>) => {
      counted.asked++;
      return keys.find(header, jws);
    },
  };
  return counted;
}

Deno.test("verify() keeps exactly the allow-listed claims", async () => {
  const verifier = createVerifier({
    keys: await createSecretKeys({ secret: SECRET }),
    now: () => NOW_S * 1000,
  });
  const identity = await verifier.verify(token({
    ...{ sub: "u1", id: "ignored", name: "Ada", email: "ada@example.org", role: "admin", jti: "t1" },
    ...{
      picture: "/ignored.png",
      profile_image_url: "https://example.org/ada.png",
      iat: NOW_S,
      exp: NOW_S + 60,
    },
    ...{ date_of_birth: "1815-12-10", bio: "…", gender: "f", settings: {}, password: "secret", nbf: NOW_S },
  }));
  assert.deepEqual(identity, {
    user: {
      ...{ id: "u1", name: "Ada", email: "ada@example.org", role: "admin" },
      profile_image_url: "https://example.org/ada.png",
    },
    jti: "t1",
    family: null,
    issuedAt: NOW_S * 1000,
    expiresAt: (NOW_S + 60) * 1000,
  });
  assert(Object.isFrozen(identity) && Object.isFrozen(identity.user));
});

Deno.test("verify() accepts a token that carries an id alone, as Open WebUI's does", async () => {
  const keys = await createSecretKeys({ secret: SECRET });
  const verifier = createVerifier({ keys, requireExpiry: false });
  const identity = await verifier.verify(token({ id: "5f0c" }));
  assert.deepEqual(identity.user, { id: "5f0c", name: "5f0c", role: "user" });
  assert.equal(identity.issuedAt, null);
  assert.equal(identity.expiresAt, null);
});

Deno.test("verify() names a token without jti after its content", async () => {
  const keys = await createSecretKeys({ secret: SECRET });
  const first = await createVerifier({ keys, requireExpiry: false }).verify(token({ id: "a" }));
  const again = await createVerifier({ keys, requireExpiry: false }).verify(token({ id: "a" }));
  const other = await createVerifier({ keys, requireExpiry: false }).verify(token({ id: "a", iat: 1 }));
  assert.match(first.jti, /^[\w-]{43}$/);
  assert.equal(again.jti, first.jti);
  assert.notEqual(other.jti, first.jti);
});

Deno.test("verify() cleans what is shown to others and drops what cannot be", async () => {
  const keys = await createSecretKeys({ secret: SECRET });
  const verifier = createVerifier({ keys, requireExpiry: false });
  const { user } = await verifier.verify(token({
    ...{ sub: "u1", name: "  A\u202Eda\u200B\n\tLovelace\0 ", email: "x".repeat(400) },
    ...{ picture: "javascript:alert(1)", role: null },
  }));
  assert.deepEqual(user, { id: "u1", name: "Ada Lovelace", role: "user" });
  const long = await verifier.verify(token({ sub: "u1", name: "🙂".repeat(300) }));
  assert.equal(Array.from(long.user.name).length, 200);
  const nameless = await verifier.verify(token({ sub: "u1", name: "\u200B\u3164" }));
  assert.equal(nameless.user.name, "u1");
});

Deno.test("verify() takes a role as it is, or not at all", async () => {
  const keys = await createSecretKeys({ secret: SECRET });
  const verifier = createVerifier({ keys, requireExpiry: false });
  const roles = { admin: "admin", "team lead": "team lead", "": "user" };
  for (const [role, kept] of Object.entries(roles)) {
    assert.equal((await verifier.verify(token({ sub: "u1", role }))).user.role, kept);
  }
  for (const role of [" admin", "admin\u200B", "ad\tmin", "x".repeat(65)]) {
    await assert.rejects(verifier.verify(token({ sub: "u1", role })), code("auth/malformed"));
  }
});

Deno.test("verify() allows for the clock tolerance around exp and nbf", async () => {
  const keys = await createSecretKeys({ secret: SECRET });
  const verifier = createVerifier({ keys, clockToleranceS: 10, now: () => NOW_S * 1000 });
  await verifier.verify(token({ sub: "u1", exp: NOW_S - 9 }));
  await assert.rejects(verifier.verify(token({ sub: "u1", exp: NOW_S - 10 })), code("auth/expired"));
  await verifier.verify(token({ sub: "u1", exp: NOW_S + 60, nbf: NOW_S + 10 }));
  const early = token({ sub: "u1", exp: NOW_S + 60, nbf: NOW_S + 11 });
  await assert.rejects(verifier.verify(early), code("auth/not-yet-valid"));
});

Deno.test("verify() accepts one of several audiences", async () => {
  const keys = await createSecretKeys({ secret: SECRET });
  const verifier = createVerifier({ keys, audience: "tether", requireExpiry: false });
  assert.equal((await verifier.verify(token({ sub: "u1", aud: ["other", "tether"] }))).user.id, "u1");
});

Deno.test("verify() checks a signature once, until the token expires", async () => {
  const keys = await countedKeys();
  let nowMs = NOW_S * 1000;
  const verifier = createVerifier({ keys, now: () => nowMs });
  const good = token({ sub: "u1", exp: NOW_S + 60 });
  const identity = await verifier.verify(good);
  assert.equal(await verifier.verify(good), identity);
  nowMs += 64_999;
  assert.equal(await verifier.verify(good), identity);
  assert.equal(keys.asked, 1);
  nowMs += 1;
  await assert.rejects(verifier.verify(good), code("auth/expired"));
});

Deno.test("verify() checks a remembered token anew once keys were replaced", async () => {
  const keys = await countedKeys();
  const verifier = createVerifier({ keys, requireExpiry: false });
  await verifier.verify(token({ sub: "u1" }));
  keys.generation++;
  await verifier.verify(token({ sub: "u1" }));
  assert.equal(keys.asked, 2);
});

Deno.test("verify() remembers no more tokens than cacheSize", async () => {
  const keys = await countedKeys();
  const verifier = createVerifier({ keys, requireExpiry: false, cacheSize: 2 });
  for (const sub of ["a", "b", "c", "a"]) await verifier.verify(token({ sub }));
  assert.equal(keys.asked, 4);
});

Deno.test("verify() does not remember a refused token", async () => {
  const keys = await countedKeys();
  let nowMs = NOW_S * 1000;
  const verifier = createVerifier({ keys, now: () => nowMs });
  const early = token({ sub: "u1", exp: NOW_S + 600, nbf: NOW_S + 60 });
  await assert.rejects(verifier.verify(early), code("auth/not-yet-valid"));
  nowMs += 60_000;
  assert.equal((await verifier.verify(early)).user.id, "u1");
});
