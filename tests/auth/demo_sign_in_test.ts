import assert from "node:assert/strict";
import { createDemo, type Demo, demoName } from "../../lib/auth/demo_sign_in.ts";
import { firstUserInFile, firstUserInMemory } from "../../lib/auth/first_user.ts";
import { createIssuer } from "../../lib/auth/issuer.ts";
import { createSecretKeys } from "../../lib/auth/secret_keys.ts";
import { createVerifier } from "../../lib/auth/verifier.ts";
import { userId } from "../../lib/protocol/ids.ts";

const SECRET = crypto.getRandomValues(new Uint8Array(32));

async function createTestDemo(expiresInS: number | null = 60): Promise<Demo> {
  const issuer = await createIssuer({ secret: SECRET, expiresInS });
  return createDemo({ issuer, isFirst: firstUserInMemory() });
}

Deno.test("signIn() gives a token that the verifier accepts, for a user of that name", async () => {
  const demo = await createTestDemo();
  const verifier = createVerifier({ keys: await createSecretKeys({ secret: SECRET }) });
  const { token, identity } = await demo.signIn("  Ada\u200b  Lovelace ");
  assert.deepEqual(await verifier.verify(token), identity);
  assert.equal(identity.user.name, "Ada Lovelace");
  assert.equal(identity.expiresAt, Math.floor(identity.issuedAt! / 1000) * 1000 + 60_000);
});

Deno.test("signIn() makes another user at every call, whatever the name", async () => {
  const demo = await createTestDemo();
  const [one, other] = [await demo.signIn("Ada"), await demo.signIn("Ada")];
  assert.notEqual(one.identity.user.id, other.identity.user.id);
  assert.notEqual(one.identity.jti, other.identity.jti);
});

Deno.test("the first user is admin, and stays so over a refresh", async () => {
  const demo = await createTestDemo();
  const ada = await demo.signIn("Ada");
  const bob = await demo.signIn("Bob");
  assert.equal(ada.identity.user.role, "admin");
  assert.equal(bob.identity.user.role, "user");
  const refreshed = await demo.refresh(ada.identity);
  assert.deepEqual(refreshed.identity.user, ada.identity.user);
  assert.notEqual(refreshed.identity.jti, ada.identity.jti);
});

Deno.test("refresh() reads the role again", async () => {
  const demo = await createTestDemo();
  await demo.signIn("Ada");
  const { identity } = await demo.signIn("Bob");
  const promoted = { ...identity, user: { ...identity.user, role: "admin" } };
  assert.equal((await demo.refresh(promoted)).identity.user.role, "user");
});

Deno.test("a token for ever has no exp", async () => {
  const demo = await createTestDemo(null);
  const keys = await createSecretKeys({ secret: SECRET });
  const { token, identity } = await demo.signIn("Ada");
  assert.equal(identity.expiresAt, null);
  await assert.rejects(createVerifier({ keys }).verify(token), { code: "auth/malformed" });
  assert.deepEqual(await createVerifier({ keys, requireExpiry: false }).verify(token), identity);
});

Deno.test("a token carries the issuer, the audience and all of a user", async () => {
  const [issuer, audience] = ["https://tether.example", "tether"];
  const keys = await createSecretKeys({ secret: SECRET });
  const verifier = createVerifier({ keys, issuer, audience });
  const user = {
    ...{ id: userId("u1"), name: "Ada", role: "editor", email: "ada@example.org" },
    profile_image_url: "/ada.png",
  };
  const signer = await createIssuer({ secret: SECRET, expiresInS: 60, issuer, audience });
  assert.deepEqual((await verifier.verify((await signer.issue(user)).token)).user, user);
});

Deno.test("demoName() cleans a name and keeps what can be seen", () => {
  const names: [string, string][] = [
    ["Ada", "Ada"],
    [" \t Ada \n Lovelace ", "Ada Lovelace"],
    ["Zoe\u0308", "Zoë"],
    ["\u202Eadmin", "admin"],
    ["A\u0000d\u200Ba\u2060", "Ada"],
    ["李小龍", "李小龍"],
    ["🙂", "🙂"],
    ["😀".repeat(64), "😀".repeat(64)],
    ["<b>Ada</b>", "<b>Ada</b>"],
  ];
  for (const [given, name] of names) assert.equal(demoName(given), name);
});

Deno.test("demoName() refuses what is no name", () => {
  const refused = [
    ...["", " ", "\n\t", "\u200B\u200D", "\u3164", "\u2800", "\u0301", "x".repeat(65), "😀".repeat(65)],
    ...["x".repeat(1_000_000), undefined, null, 7, {}, [], ["Ada"], true],
  ];
  for (const value of refused) assert.throws(() => demoName(value), { code: "request/invalid" });
});

Deno.test("exactly one user is first, kept in the file, when many sign in at once", async () => {
  const directory = await Deno.makeTempDir();
  try {
    const path = `${directory}/first_user`;
    const issuer = await createIssuer({ secret: SECRET, expiresInS: 60 });
    const demos = Array.from({ length: 4 }, () => {
      return createDemo({ issuer, isFirst: firstUserInFile(path) });
    });
    const signedIn = await Promise.all(
      Array.from({ length: 20 }, (_, n) => demos[n % 4]!.signIn(`User ${n}`)),
    );
    const admins = signedIn.filter(({ identity }) => identity.user.role === "admin");
    assert.equal(admins.length, 1);
    const afterRestart = firstUserInFile(path);
    assert.equal(await afterRestart(userId("somebody")), false);
    assert.equal(await afterRestart(admins[0]!.identity.user.id), true);
    assert.deepEqual(Array.from(Deno.readDirSync(directory), ({ name }) => name), ["first_user"]);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});
