/** One configured public key as a key source. Reads PEM and JWK; refuses private keys, so that none lies about. */
import { createPublicKey, X509Certificate } from "node:crypto";
import { createLocalJWKSet, type JWK } from "jose";
import { fitting } from "./algorithms.ts";
import type { KeySource } from "./key_source.ts";

interface PublicKeysOptions {
  /**
   * PEM (`PUBLIC KEY`, `RSA PUBLIC KEY`, or `CERTIFICATE`, of which only the key counts) or a JWK as JSON.
   * `\\n` may stand for a line end, as in files of environment variables.
   */
  key: string;
  /** Narrows the algorithms that fit the key. */
  algorithms?: readonly string[];
}

const CURVES: Record<string, string[]> = {
  "P-256": ["ES256"],
  "P-384": ["ES384"],
  "P-521": ["ES512"],
  "Ed25519": ["EdDSA", "Ed25519"],
};

/** The key source of `JWT_PUBLIC_KEY`; throws a `TypeError` or a `RangeError` for a key that cannot serve. */
export function createPublicKeys(options: PublicKeysOptions): KeySource {
  const jwk = readKey(options.key.trim());
  const possible = jwk.alg ? [jwk.alg] : algorithmsOf(jwk);
  const algorithms = fitting(possible.filter((name) => algorithmsOf(jwk).includes(name)), options.algorithms);
  if (algorithms.length === 0) throw new TypeError("Cannot use the public key: no algorithm fits it");
  const keys = createLocalJWKSet({ keys: [jwk] });
  return {
    algorithms,
    generation: 0,
    // one key: whatever `kid` a token names, this key has signed it or none has
    find: ({ alg }) => keys({ alg }),
    [Symbol.dispose]() {},
  };
}

function readKey(text: string): JWK {
  let jwk: JWK;
  try {
    jwk = text.startsWith("{") ? JSON.parse(text) : publicKey(text).export({ format: "jwk" }) as JWK;
  } catch {
    // the cause may quote the key
    throw new TypeError("Cannot read the public key: it is neither PEM nor a JWK");
  }
  if (text.includes("PRIVATE KEY") || jwk.d !== undefined || jwk.kty === "oct") {
    throw new TypeError("Cannot use the public key: it is a private key or a secret");
  }
  const { kty, crv, n, e, x, y, alg } = jwk;
  return Object.fromEntries(Object.entries({ kty, crv, n, e, x, y, alg }).filter(([, v]) => v !== undefined));
}

function publicKey(text: string) {
  const pem = text.replaceAll("\\n", "\n");
  return pem.includes("BEGIN CERTIFICATE") ? new X509Certificate(pem).publicKey : createPublicKey(pem);
}

function algorithmsOf({ kty, crv }: JWK): string[] {
  if (kty === "RSA") return ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"];
  return CURVES[crv ?? ""] ?? [];
}
