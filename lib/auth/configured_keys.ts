/** Chooses the key source that the settings name. */
import { createJwksKeys, type JwksKeysOptions } from "./jwks_keys.ts";
import type { KeySource } from "./key_source.ts";
import { createPublicKeys } from "./public_keys.ts";
import { createSecretKeys } from "./secret_keys.ts";

/** Options of {@linkcode createConfiguredKeys}: exactly one of the first three. */
interface ConfiguredKeysOptions extends Pick<JwksKeysOptions, "algorithms" | "onError"> {
  /** `JWT_SECRET`, or the secret that the demo made. */
  secret?: string | Uint8Array<ArrayBuffer>;
  /** `JWT_PUBLIC_KEY`. */
  publicKey?: string;
  /** `JWT_JWKS_URL`. */
  jwksUrl?: string;
}

/** Makes the one key source that is configured; rejects with a `TypeError` or a `RangeError` when that is impossible. */
export async function createConfiguredKeys(options: ConfiguredKeysOptions): Promise<KeySource> {
  const { secret, publicKey, jwksUrl, algorithms, onError } = options;
  if ([secret, publicKey, jwksUrl].filter((source) => source !== undefined).length !== 1) {
    throw new TypeError("Cannot check tokens: exactly one of secret, public key and key set URL is needed");
  }
  if (secret !== undefined) return await createSecretKeys({ secret, algorithms });
  if (publicKey !== undefined) return createPublicKeys({ key: publicKey, algorithms });
  return createJwksKeys({ url: jwksUrl!, algorithms, ...(onError && { onError }) });
}
