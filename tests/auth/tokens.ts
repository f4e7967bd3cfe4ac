/** Makes tokens by hand, also such as no library would make. */
import { createHmac, sign } from "node:crypto";
import type { KeyObject } from "node:crypto";

/** base64url of text, bytes, or of the JSON of anything else. */
export function encode(part: unknown): string {
  if (part instanceof Uint8Array) return part.toBase64({ alphabet: "base64url", omitPadding: true });
  return encode(new TextEncoder().encode(typeof part === "string" ? part : JSON.stringify(part)));
}

/** A token signed with HMAC, whatever its header says. `header` and `claims` may be raw JSON text. */
export function hmacToken(
  header: unknown,
  claims: unknown,
  { secret, bits = 256 }: { secret: string | Uint8Array; bits?: number },
): string {
  const input = `${encode(header)}.${encode(claims)}`;
  return `${input}.${encode(new Uint8Array(createHmac(`sha${bits}`, secret).update(input).digest()))}`;
}

/** A token signed with a private key, whatever its header says. */
export function keyToken(
  header: unknown,
  claims: unknown,
  { key, bits = 256, dsaEncoding = "ieee-p1363" }: {
    key: KeyObject;
    bits?: number;
    dsaEncoding?: "der" | "ieee-p1363";
  },
): string {
  const input = `${encode(header)}.${encode(claims)}`;
  const hash = key.asymmetricKeyType === "ed25519" ? null : `sha${bits}`;
  return `${input}.${
    encode(new Uint8Array(sign(hash, new TextEncoder().encode(input), { key, dsaEncoding })))
  }`;
}
