/** Chooses the key source that the settings name. */
import { createJwksKeys, type JwksKeysOptions } from "./jwks_keys.ts";
import type { KeySource } from "./key_source.ts";
import { createPublicKeys } from "./public_keys.ts";
import { createSecretKeys } from "./secret_keys.ts";

/** Exactly one of the first three is there. */
interface ConfiguredKeysOptions extends Pick<JwksKeysOptions, "algorithms" | "onError"> {
  secret?: string | Uint8Array<ArrayBuffer> | null;
  publicKey?: string | null;
  jwksUrl?: string | null;
}

/** Rejects with a `TypeError` or a `RangeError` when no key source can be made of the settings. */
export async function createConfiguredKeys(options: ConfiguredKeysOptions): Promise<KeySource> {
  const { secret, publicKey, jwksUrl, algorithms, onError } = options;
  if ([secret, publicKey, jwksUrl].filter(Boolean).length !== 1) {
    throw new TypeError("Cannot check tokens: exactly one of secret, public key and key set URL is needed");
  }
  if (secret) return await createSecretKeys({ secret, algorithms });
  if (publicKey) return createPublicKeys({ key: publicKey, algorithms });
  return createJwksKeys({ url: jwksUrl!, algorithms, onError });
}
