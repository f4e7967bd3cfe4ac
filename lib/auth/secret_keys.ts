/** A shared secret as a key source. Its algorithms are HMAC only, so no public key can be passed off as the secret. */
import type { KeySource } from "./key_source.ts";
import { fitting } from "./algorithms.ts";

/** The least length of a secret in bytes: the output of HS256 (RFC 7518, 3.2). */
export const MIN_SECRET_BYTES = 32;

interface SecretKeysOptions {
  /** Text counts as its UTF-8 bytes. */
  secret: string | Uint8Array<ArrayBuffer>;
  /** Narrows HS256, HS384, HS512. */
  algorithms?: readonly string[];
}

/** The bytes of a secret; throws a `RangeError` when there are too few. */
export function secretBytes(secret: string | Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  const bytes = typeof secret === "string" ? new TextEncoder().encode(secret) : secret;
  if (bytes.length < MIN_SECRET_BYTES) {
    throw new RangeError(`Cannot use the secret: it has ${bytes.length} of ${MIN_SECRET_BYTES} bytes`);
  }
  return bytes;
}

/** The key source of `JWT_SECRET`; rejects with a `RangeError` when the secret is too short. */
export async function createSecretKeys(options: SecretKeysOptions): Promise<KeySource> {
  const secret = secretBytes(options.secret);
  const algorithms = fitting(["HS256", "HS384", "HS512"], options.algorithms);
  const keys = new Map<string, CryptoKey>();
  for (const name of algorithms) {
    const algorithm = { name: "HMAC", hash: `SHA-${name.slice(2)}` };
    keys.set(name, await crypto.subtle.importKey("raw", secret, algorithm, false, ["verify"]));
  }
  return {
    algorithms,
    generation: 0,
    // the verifier lets no algorithm pass that is not in the list above
    find: ({ alg }) => keys.get(alg)!,
    [Symbol.dispose]() {},
  };
}
