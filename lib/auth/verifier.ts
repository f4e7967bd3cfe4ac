/** From a token to an {@linkcode Identity}, or a typed refusal. Knows nothing of revocation and of sessions. */
import { hash } from "node:crypto";
import { base64url, errors, type JWTPayload, jwtVerify, type JWTVerifyOptions } from "jose";
import { LRUCache } from "lru-cache";
import { ProtocolError } from "../protocol/codes.ts";
import { type Identity, identityOf, malformed, MAX_LIFETIME_S } from "./claims.ts";
import type { KeySource } from "./key_source.ts";
import { refusalOf } from "./token_refusal.ts";
import { hasUniqueNames } from "./json_unique_names.ts";

export interface TokenVerifier {
  /** The identity behind `token`; rejects with a {@linkcode ProtocolError} of an `auth/…` code. */
  verify(token: unknown): Promise<Identity>;
}

interface VerifierOptions {
  keys: KeySource;
  /** What `iss` must be; unset: it is not looked at. */
  issuer?: string | null;
  /** What `aud` must name; unset: it is not looked at. */
  audience?: string | null;
  /** Seconds by which clocks may differ. Default 5. */
  clockToleranceS?: number;
  /** Whether a token must have `exp`. Default true. */
  requireExpiry?: boolean;
  /** How many verified tokens are remembered. Default 10,000. */
  cacheSize?: number;
  /** The clock, epoch milliseconds. */
  now?: () => number;
}

/** Longer tokens are refused unread. In characters. */
const MAX_TOKEN_LENGTH: number = 16 * 1024;

// Three segments of base64url in its one canonical spelling: jose also reads spaces, padding and stray last bits,
// so that one token would have many spellings.
const SEGMENT = "(?:[\\w-]{4})*(?:[\\w-][AQgw]|[\\w-]{2}[AEIMQUYcgkosw048])?";
const TOKEN = new RegExp(`^(?!\\.)${SEGMENT}\\.(?!\\.)${SEGMENT}\\.${SEGMENT}$`);
const decoder = new TextDecoder();
// a token without `kid` is tried with every key that fits, but not with a whole directory of them
const MAX_TRIED_KEYS = 3;

/** A token that was verified is looked up the next time, until it expires. */
export function createVerifier(options: VerifierOptions): TokenVerifier {
  const { keys, issuer, audience, clockToleranceS = 5, requireExpiry = true } = options;
  const { cacheSize = 10_000, now = Date.now } = options;
  const verified = new LRUCache<string, { identity: Identity; generation: number }>({ max: cacheSize });
  const checks: JWTVerifyOptions = {
    algorithms: [...keys.algorithms],
    clockTolerance: clockToleranceS,
    requiredClaims: requireExpiry ? ["exp"] : [],
    issuer: issuer ?? undefined,
    audience: audience ?? undefined,
  };

  return {
    async verify(value) {
      const token = tokenText(value);
      const nowMs = now();
      const cacheKey = digest(token);
      const known = verified.get(cacheKey);
      if (known && known.generation === keys.generation && isAlive(known.identity, nowMs)) {
        return known.identity;
      }
      verified.delete(cacheKey);

      const { generation } = keys;
      const identity = await check(token, nowMs).catch((error) => Promise.reject(refusalOf(error)));
      verified.set(cacheKey, { identity, generation });
      return identity;
    },
  };

  function isAlive({ expiresAt }: Identity, nowMs: number): boolean {
    return expiresAt === null || nowMs < expiresAt + clockToleranceS * 1000;
  }

  async function check(token: string, nowMs: number): Promise<Identity> {
    const claims = await checkSignature(token, { ...checks, currentDate: new Date(nowMs) });
    checkNames(token);
    checkTimes(claims, nowMs / 1000);
    return identityOf(claims, () => digest(token.slice(0, token.lastIndexOf("."))));
  }

  /** What jose leaves open: an `exp` that is no moment anybody means, an `iat` that has not come yet. */
  function checkTimes({ exp, iat }: JWTPayload, nowS: number): void {
    if (exp !== undefined && (!Number.isInteger(exp) || exp > nowS + MAX_LIFETIME_S)) throw malformed("exp");
    if (iat !== undefined && iat > nowS + clockToleranceS) throw new ProtocolError("auth/not-yet-valid");
  }

  async function checkSignature(token: string, checks: JWTVerifyOptions): Promise<JWTPayload> {
    try {
      return (await jwtVerify(token, keys.find, checks)).payload;
    } catch (error) {
      if (!(error instanceof errors.JWKSMultipleMatchingKeys)) throw error;
      return await checkWithEach(token, checks, error);
    }
  }
}

/** Synchronous: WebCrypto's costs ten times as much for a text this short. */
function digest(text: string): string {
  return hash("sha256", text, "base64url");
}

async function checkWithEach(
  token: string,
  checks: JWTVerifyOptions,
  candidates: errors.JWKSMultipleMatchingKeys,
): Promise<JWTPayload> {
  let tried = 0;
  for await (const key of candidates) {
    try {
      return (await jwtVerify(token, key, checks)).payload;
    } catch (error) {
      if (!(error instanceof errors.JWSSignatureVerificationFailed)) throw error;
    }
    if (++tried === MAX_TRIED_KEYS) break;
  }
  throw new errors.JWSSignatureVerificationFailed();
}

function tokenText(token: unknown): string {
  if (token === undefined || token === null || token === "") throw new ProtocolError("auth/missing");
  if (typeof token !== "string" || token.length > MAX_TOKEN_LENGTH || !TOKEN.test(token)) {
    throw new ProtocolError("auth/malformed");
  }
  return token;
}

function checkNames(token: string): void {
  for (const segment of token.split(".", 2)) {
    if (!hasUniqueNames(decoder.decode(base64url.decode(segment)))) {
      throw new ProtocolError("auth/malformed", "The token names a claim twice.");
    }
  }
}
