import assert from "node:assert/strict";
import {
  type CryptoKey,
  exportJWK,
  exportPKCS8,
  exportSPKI,
  generateKeyPair,
  importJWK,
  SignJWT,
} from "jose";
import { createConfiguredKeys } from "../../lib/auth/configured_keys.ts";
import { createPublicKeys } from "../../lib/auth/public_keys.ts";
import { createSecretKeys } from "../../lib/auth/secret_keys.ts";
import { createVerifier } from "../../lib/auth/verifier.ts";
import { hmacToken } from "./tokens.ts";

const SECRET = "x".repeat(32);
const RSA_ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"];

Deno.test("createSecretKeys() refuses a secret under 32 bytes and counts bytes, not characters", async () => {
  await assert.rejects(createSecretKeys({ secret: "x".repeat(31) }), RangeError);
  await assert.rejects(createSecretKeys({ secret: new Uint8Array(31) }), RangeError);
  await createSecretKeys({ secret: "é".repeat(16) });
});

Deno.test("createSecretKeys() says nothing of the secret when it refuses", async () => {
  await assert.rejects(
    createSecretKeys({ secret: "hunter2" }),
    (error) => !String(error).includes("hunter2"),
  );
});

Deno.test("createSecretKeys() serves HS256, HS384 and HS512, or what they are narrowed to", async () => {
  const all = createVerifier({ keys: await createSecretKeys({ secret: SECRET }), requireExpiry: false });
  const narrow = createVerifier({
    keys: await createSecretKeys({ secret: SECRET, algorithms: ["HS512"] }),
    requireExpiry: false,
  });
  for (const bits of [256, 384, 512]) {
    const token = hmacToken({ alg: `HS${bits}` }, { sub: "u1" }, { secret: SECRET, bits });
    assert.equal((await all.verify(token)).user.id, "u1");
    if (bits === 512) await narrow.verify(token);
    else await assert.rejects(narrow.verify(token), { code: "auth/invalid-signature" });
  }
});

Deno.test("key sources refuse algorithms that their keys cannot serve", async () => {
  await assert.rejects(createSecretKeys({ secret: SECRET, algorithms: ["RS256"] }), RangeError);
  const { publicKey } = await generateKeyPair("ES256", { extractable: true });
  const key = await exportSPKI(publicKey);
  for (const algorithm of ["HS256", "none", "ES384", "RS256"]) {
    assert.throws(() => createPublicKeys({ key, algorithms: [algorithm] }), RangeError);
  }
});

Deno.test("createPublicKeys() serves every algorithm that fits the key, as PEM and as JWK", async (t) => {
  const groups = [RSA_ALGORITHMS, ["ES256"], ["ES384"], ["ES512"], ["EdDSA", "Ed25519"]];
  for (const algorithms of groups) {
    const { privateKey, publicKey } = await generateKeyPair(algorithms[0]!, { extractable: true });
    const jwk = await exportJWK(publicKey);
    const forms = {
      PEM: await exportSPKI(publicKey),
      JWK: JSON.stringify(jwk),
      "a JWK with kid and use": JSON.stringify({ ...jwk, kid: "k1", use: "sig" }),
    };
    for (const [form, key] of Object.entries(forms)) {
      await t.step(`${algorithms} as ${form}`, async () => {
        const keys = createPublicKeys({ key });
        assert.deepEqual(keys.algorithms, algorithms);
        const verifier = createVerifier({ keys, requireExpiry: false });
        for (const alg of algorithms) {
          const signer = await reimport(privateKey, alg);
          const token = await new SignJWT({ sub: alg }).setProtectedHeader({ alg, kid: "whatever" }).sign(
            signer,
          );
          assert.equal((await verifier.verify(token)).user.id, alg);
        }
      });
    }
  }
});

/** The same key for another algorithm of its kind: WebCrypto ties each import to one. */
async function reimport(key: CryptoKey, alg: string) {
  const { alg: _, key_ops: __, ...jwk } = await exportJWK(key);
  return await importJWK(jwk, alg) as CryptoKey;
}

// made once with openssl; its private key is gone
const CERTIFICATE = `-----BEGIN CERTIFICATE-----
MIIBijCCAS+gAwIBAgIUTztRl14IXZFAwbU2vFVYCijoH0cwCgYIKoZIzj0EAwIw
GTEXMBUGA1UEAwwOaXNzdWVyLmV4YW1wbGUwIBcNMjYxMTI0MDMwMzUxWhgPMjEy
NjEwMzEwMzAzNTFaMBkxFzAVBgNVBAMMDmlzc3Vlci5leGFtcGxlMFkwEwYHKoZI
zj0CAQYIKoZIzj0DAQcDQgAEf65h4Cn/S77RA0tZ8blyGx1/wklGcOUDdZyz0xT0
rV/Nhg2Pq+bYZbRbbjhbaY6Yt/DpLpJyQpQrOhfcmS7awqNTMFEwHQYDVR0OBBYE
FKBAu+mQi7ILjfQ6mEIyEuE0pomrMB8GA1UdIwQYMBaAFKBAu+mQi7ILjfQ6mEIy
EuE0pomrMA8GA1UdEwEB/wQFMAMBAf8wCgYIKoZIzj0EAwIDSQAwRgIhANSn2ZLj
Cq+1UDFyCwLlccW3tcVNFwRQKVqqLhrrRRPQAiEAjiKBg9dSqvLEykwIk5rYKV0/
M3HjQyGrXmhvwKeW0DE=
-----END CERTIFICATE-----
`;
const TOKEN_OF_CERTIFICATE = "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJ1MSJ9." +
  "22rDzT3wBy02eFQeNlBwKVPrU1Db3_e1dh2hOT3CJ6UzSMxx0SpjZpwiUrz5H7uqkmb0zRIQ4BhXDSxnl9n-pg";

Deno.test("createPublicKeys() reads a certificate, also with its line ends spelled out", async () => {
  for (const key of [CERTIFICATE, CERTIFICATE.replaceAll("\n", "\\n")]) {
    const verifier = createVerifier({ keys: createPublicKeys({ key }), requireExpiry: false });
    assert.equal((await verifier.verify(TOKEN_OF_CERTIFICATE)).user.id, "u1");
  }
});

Deno.test("createPublicKeys() serves one algorithm only when the JWK names it", async () => {
  const { publicKey } = await generateKeyPair("PS256", { extractable: true });
  const jwk = { ...await exportJWK(publicKey), alg: "PS256" };
  assert.deepEqual(createPublicKeys({ key: JSON.stringify(jwk) }).algorithms, ["PS256"]);
  const wrong = JSON.stringify({ ...jwk, alg: "ES256" });
  assert.throws(() => createPublicKeys({ key: wrong }), TypeError);
});

Deno.test("createPublicKeys() refuses private keys, secrets and what is no key, and quotes none of it", async () => {
  const { privateKey } = await generateKeyPair("ES256", { extractable: true });
  const jwk = await exportJWK(privateKey);
  const refused = [
    await exportPKCS8(privateKey),
    JSON.stringify(jwk),
    JSON.stringify({ kty: "oct", k: "c2VjcmV0" }),
    JSON.stringify({ kty: "EC", crv: "secp256k1", x: "AA", y: "AA" }),
    '{"kty":',
    "{}",
    "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----",
    "a secret given by mistake",
    "",
  ];
  for (const key of refused) {
    assert.throws(() => createPublicKeys({ key }), (error) => {
      assert(error instanceof TypeError);
      assert.doesNotMatch(String(error.cause ?? error), /mistake|AAAA|c2VjcmV0/);
      return true;
    });
  }
});

Deno.test("createConfiguredKeys() wants exactly one source", async () => {
  await assert.rejects(createConfiguredKeys({}), TypeError);
  await assert.rejects(createConfiguredKeys({ secret: SECRET, jwksUrl: "http://127.0.0.1:1/" }), TypeError);
  using keys = await createConfiguredKeys({ secret: SECRET });
  assert.deepEqual(keys.algorithms, ["HS256", "HS384", "HS512"]);
});
