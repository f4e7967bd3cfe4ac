/** Signs tokens with the server's own secret, for the demo sign-in and for tests. Decides nothing about who gets one. */
import { SignJWT } from "jose";
import type { User } from "../protocol/events.ts";
import { FAMILY_CLAIM, type Identity, identityOf } from "./claims.ts";
import { secretBytes } from "./secret_keys.ts";

/** A new token, and the identity that a verifier will find in it. */
export interface Issued {
  token: string;
  identity: Identity;
}

export interface Issuer {
  /** A new token for `user`, of one family with those that it is renewed from and to. */
  issue(user: User, family?: string): Promise<Issued>;
}

interface IssuerOptions {
  /** The HS256 secret, at least 32 bytes; text counts as its UTF-8 bytes. */
  secret: string | Uint8Array<ArrayBuffer>;
  /** Seconds that a token lives; `null`: for ever. */
  expiresInS: number | null;
  issuer?: string | null;
  audience?: string | null;
  /** The clock, epoch milliseconds. */
  now?: () => number;
}

/** Signs with HS256; rejects with a `RangeError` when the secret is too short. */
export async function createIssuer(options: IssuerOptions): Promise<Issuer> {
  const { expiresInS, issuer, audience, now = Date.now } = options;
  const algorithm = { name: "HMAC", hash: "SHA-256" };
  const key = await crypto.subtle.importKey("raw", secretBytes(options.secret), algorithm, false, ["sign"]);

  return {
    async issue({ id, name, email, role, profile_image_url }, family) {
      // Milliseconds, which RFC 7519 allows: whether a token is older than a revocation is then exact.
      const iat = now() / 1000;
      const jti = crypto.randomUUID();
      const exp = expiresInS === null ? undefined : Math.floor(iat) + expiresInS;
      const theirs = { sub: id, name, email, role, profile_image_url };
      const claims = {
        ...theirs,
        jti,
        [FAMILY_CLAIM]: family,
        iat,
        exp,
        iss: issuer ?? undefined,
        aud: audience ?? undefined,
      };
      const token = await new SignJWT(claims).setProtectedHeader({ alg: "HS256", typ: "JWT" }).sign(key);
      return { token, identity: identityOf(claims, () => jti) };
    },
  };
}
