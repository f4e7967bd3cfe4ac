/** What endpoints ask and answer about tokens; where a token lies in a request is `lib/auth`'s to know. */
import { timingSafeEqual } from "node:crypto";
import type { Identity } from "../auth/claims.ts";
import { bearerOf, clearedTokenCookie, tokenCookie } from "../auth/http_token.ts";
import { ProtocolError } from "../protocol/codes.ts";
import { json } from "./answers.ts";
import type { State } from "./state.ts";

export { tokenOf } from "../auth/http_token.ts";

/** Whether the request bears exactly `expected`; takes as long whatever was sent. */
export function bearerMatches(request: Request, expected: string): boolean {
  const encoder = new TextEncoder();
  const given = encoder.encode(bearerOf(request) ?? ""), wanted = encoder.encode(expected);
  return given.length === wanted.length && timingSafeEqual(given, wanted);
}

/** Who is asking; throws `auth/missing`, or the code for which their token was refused. */
export function requireIdentity({ identity, refused }: State): Identity {
  if (identity === undefined) throw new ProtocolError(refused ?? "auth/missing");
  return identity;
}

/** Lets only the back end pass; throws `auth/missing`, or `access/denied` for a token that is not `SERVICE_TOKEN`. */
export function requireService(
  request: Request,
  { serviceToken }: { serviceToken: string | null },
): void {
  if (bearerOf(request) === undefined) throw new ProtocolError("auth/missing");
  if (serviceToken === null || !bearerMatches(request, serviceToken)) {
    throw new ProtocolError("access/denied");
  }
}

/** What a sign-in or a refresh answers: `{ token, user, expiresAt }` and the cookie. */
export function signedIn(url: URL, { token, identity }: { token: string; identity: Identity }): Response {
  const { user, expiresAt } = identity;
  const cookie = tokenCookie(token, { secure: isSecure(url), expiresAt });
  return json({ token, user, expiresAt }, { headers: { "set-cookie": cookie } });
}

/** What a sign-out answers: the cookie taken back. */
export function signedOut(url: URL): Response {
  return json({ ok: true }, { headers: { "set-cookie": clearedTokenCookie({ secure: isSecure(url) }) } });
}

function isSecure(url: URL): boolean {
  return url.protocol === "https:";
}
