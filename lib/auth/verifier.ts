/** From a token to an {@linkcode Identity}, or a typed refusal. Knows nothing of revocation and of sessions. */
import { jwtVerify, type JWTVerifyOptions } from "jose";
import { ProtocolError } from "../protocol/codes.ts";
import { type Identity, identityOf } from "./claims.ts";
import { refusalOf } from "./refusal.ts";
import type { KeySource } from "./keys.ts";

/** Checks tokens. */
export interface TokenVerifier {
  /** The identity behind `token`; rejects with a {@linkcode ProtocolError} of an `auth/…` code. */
  verify(token: unknown): Promise<Identity>;
}

/** Options of {@linkcode createVerifier}. */
export interface VerifierOptions {
  keys: KeySource;
  /** `iss` must be this. Unset: not looked at. */
  issuer?: string;
  /** `aud` must name this. Unset: not looked at. */
  audience?: string;
  /** Seconds by which clocks may differ. Default 5. */
  clockToleranceS?: number;
  /** Whether a token must have `exp`. Default true. */
  requireExpiry?: boolean;
  /** The clock, epoch milliseconds. */
  now?: () => number;
}

/** Longer tokens are refused unread. In characters. */
export const MAX_TOKEN_LENGTH: number = 16 * 1024;

/** Makes a {@linkcode TokenVerifier}. */
export function createVerifier(options: VerifierOptions): TokenVerifier {
  const { keys, issuer, audience, clockToleranceS = 5, requireExpiry = true, now = Date.now } = options;
  const checks: JWTVerifyOptions = {
    algorithms: [...keys.algorithms],
    clockTolerance: clockToleranceS,
    requiredClaims: requireExpiry ? ["exp"] : [],
    ...(issuer !== undefined && { issuer }),
    ...(audience !== undefined && { audience }),
  };

  return {
    async verify(token) {
      const text = tokenText(token);
      const nowMs = now();
      try {
        const { payload } = await jwtVerify(text, keys.find, { ...checks, currentDate: new Date(nowMs) });
        return identityOf(payload);
      } catch (error) {
        throw refusalOf(error);
      }
    },
  };
}

function tokenText(token: unknown): string {
  if (token === undefined || token === null || token === "") throw new ProtocolError("auth/missing");
  if (typeof token !== "string" || token.length > MAX_TOKEN_LENGTH) throw new ProtocolError("auth/malformed");
  return token;
}
