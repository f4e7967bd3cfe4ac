/**
 * From the claims of a verified token to an {@linkcode Identity}: an allow-list, so that nothing else of a token
 * is ever kept. Knows no keys and no signatures.
 */
import { ProtocolError } from "../protocol/codes.ts";
import type { User } from "../protocol/events.ts";
import { type UserId, userId } from "../protocol/ids.ts";
import { cleanText } from "./clean_text.ts";

/** Who a token speaks for and for how long. Times are epoch milliseconds. */
export interface Identity {
  readonly user: Readonly<User>;
  /** The token's `jti`, or a digest of the token where it has none. */
  readonly jti: string;
  /** What the tokens of one sign-in have in common, where the issuer renews them; `null` for a token that stands alone. */
  readonly family: string | null;
  /** `null` for a token without `iat`; such a token counts as older than any revocation of its user. */
  readonly issuedAt: number | null;
  /** `null` for a token without `exp`. */
  readonly expiresAt: number | null;
}

/** What a token is revoked by: a renewed one goes with the one that it was made from. */
export function revocationId({ family, jti }: Identity): string {
  return family ?? jti;
}

/** Our own claim for {@linkcode Identity.family}. */
export const FAMILY_CLAIM = "family";
/** The role of a user whose token names none. */
export const DEFAULT_ROLE = "user";
/** The longest life, in seconds, that an `exp` may claim: a token for ever is a token without expiry. */
export const MAX_LIFETIME_S: number = 3653 * 86_400;

const MAX_NAME = 200;
const MAX_EMAIL = 320;
const MAX_PICTURE = 2048;
const MAX_ROLE = 64;
const TOKEN_ID = /^[\x21-\x7e]{1,200}$/;
// the only addresses an <img> of ours should load
const PICTURE = /^(?:https?:\/\/|\/(?!\/)|data:image\/)[\x21-\x7e]*$/i;

/**
 * Reads the identity out of `claims`.
 *
 * The user's id is `sub`, else `id`. Where both are present `sub` wins: it is the registered claim, and a token
 * must not mean two users to two readers. A claim of the wrong type is `auth/malformed`; `null` counts as absent.
 * `digest` yields the token's id when it has no `jti`.
 */
export function identityOf(claims: Record<string, unknown>, digest: () => string): Identity {
  const id = subject(claims.sub ?? claims.id);
  const name = cleanText(text(claims, "name") ?? "", MAX_NAME);
  const email = text(claims, "email") ?? "";
  const role = text(claims, "role") || DEFAULT_ROLE;
  // not cleaned: no role may turn into another one
  if (role !== cleanText(role, MAX_ROLE)) throw malformed("role");
  const picture = text(claims, "profile_image_url") ?? text(claims, "picture");
  const jti = text(claims, "jti") ?? digest();
  const family = text(claims, FAMILY_CLAIM) ?? null;
  if (!TOKEN_ID.test(jti)) throw malformed("jti");
  if (family !== null && !TOKEN_ID.test(family)) throw malformed(FAMILY_CLAIM);

  const user: User = { id, name: name || id, role };
  if (email && email.length <= MAX_EMAIL && email === cleanText(email, MAX_EMAIL)) user.email = email;
  if (picture && picture.length <= MAX_PICTURE && PICTURE.test(picture)) user.profile_image_url = picture;
  return Object.freeze({
    user: Object.freeze(user),
    jti,
    family,
    issuedAt: milliseconds(claims, "iat"),
    expiresAt: milliseconds(claims, "exp"),
  });
}

function subject(value: unknown): UserId {
  try {
    return userId(value);
  } catch {
    throw malformed("sub");
  }
}

function text(claims: Record<string, unknown>, claim: string): string | undefined {
  const value = claims[claim] ?? undefined;
  if (value !== undefined && typeof value !== "string") throw malformed(claim);
  return value;
}

function milliseconds(claims: Record<string, unknown>, claim: string): number | null {
  const value = claims[claim];
  if (value === undefined) return null;
  if (typeof value !== "number" || !Number.isFinite(value)) throw malformed(claim);
  return Math.round(value * 1000);
}

/** An `auth/malformed` that names the claim and shows nothing of its value. */
export function malformed(claim: string): ProtocolError {
  return new ProtocolError("auth/malformed", `The token's claim "${claim}" cannot be used.`);
}
