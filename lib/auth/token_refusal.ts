/** Says in the contract's codes why a token is refused. The cause is dropped: it would carry the token's claims. */
import { errors } from "jose";
import { type Code, ProtocolError } from "../protocol/codes.ts";

/** The {@linkcode ProtocolError} for what went wrong while a token was checked. */
export function refusalOf(error: unknown): ProtocolError {
  return error instanceof ProtocolError ? error : new ProtocolError(codeOf(error));
}

function codeOf(error: unknown): Code {
  if (error instanceof errors.JWTExpired) return "auth/expired";
  if (error instanceof errors.JWTClaimValidationFailed) return codeOfClaim(error);
  // a critical extension that is not served is one that cannot be read
  if (error instanceof errors.JWSInvalid || error instanceof errors.JWTInvalid) return "auth/malformed";
  if (error instanceof errors.JOSENotSupported) return "auth/malformed";
  // a signature, an algorithm or a key that does not fit; also a key that the platform refuses to use
  return "auth/invalid-signature";
}

function codeOfClaim({ claim, reason }: errors.JWTClaimValidationFailed): Code {
  if (claim === "iss") return "auth/wrong-issuer";
  if (claim === "aud") return "auth/wrong-audience";
  if (claim === "nbf" && reason === "check_failed") return "auth/not-yet-valid";
  return "auth/malformed";
}
