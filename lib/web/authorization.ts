/** What endpoints ask and answer about tokens; where a token lies in a request is `lib/auth`'s to know. */
import type { Context } from "fresh";
import { timingSafeEqual } from "node:crypto";
import type { Identity } from "../auth/claims.ts";
import { bearerOf, clearedTokenCookie, tokenCookie } from "../auth/http_token.ts";
import { ProtocolError } from "../protocol/codes.ts";
import { json } from "./responses.ts";
import type { State } from "./request_state.ts";

export { tokenOf } from "../auth/http_token.ts";

/** Whether the request bears exactly `expected`; takes as long whatever was sent. */
export function bearerMatches(request: Request, expected: string): boolean {
  const encoder = new TextEncoder();
  const given = encoder.encode(bearerOf(request) ?? ""), wanted = encoder.encode(expected);
  return given.length === wanted.length && timingSafeEqual(given, wanted);
}

/** Who is asking; throws `auth/missing`, or why their token was refused. */
export function requireIdentity({ identity, refused }: State): Identity {
  if (identity === undefined) throw refused ?? new ProtocolError("auth/missing");
  return identity;
}

/** Who is asking, when they are an administrator; throws `access/denied` for anybody else who is signed in. */
export function requireAdmin(state: State): Identity {
  const identity = requireIdentity(state);
  if (identity.user.role !== "admin") throw new ProtocolError("access/denied");
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

/** What of a request's context says how the browser reached this server. */
type Asked = Pick<Context<State>, "req" | "url">;

/** What a sign-in or a refresh answers: `{ token, user, expiresAt }` and the cookie. */
export function signedIn(asked: Asked, { token, identity }: { token: string; identity: Identity }): Response {
  const { user, expiresAt } = identity;
  const cookie = tokenCookie(token, { secure: isSecure(asked), expiresAt });
  return json({ token, user, expiresAt }, { headers: { "set-cookie": cookie } });
}

/** What a sign-out answers: the cookie taken back. */
export function signedOut(asked: Asked): Response {
  return json({ ok: true }, { headers: { "set-cookie": clearedTokenCookie({ secure: isSecure(asked) }) } });
}

/** Whether a page of `origin` is one of ours, or of a site that may act for its users here (`CORS_ALLOW_ORIGIN`). */
export function isTrustedOrigin(origin: string, { req, url, config, state }: Context<State>): boolean {
  const forwarded = config.trustProxy
    ? req.headers.get("x-forwarded-host")?.split(",", 1)[0]?.trim()
    : undefined;
  // hosts are compared and not schemes: a proxy in front may have ended TLS
  const { allowedOrigins } = state.services;
  return allowedOrigins.includes(origin) ||
    // a token that the page itself sends is its own, where a cookie may be a visitor's
    (allowedOrigins.includes("*") && bearerOf(req) !== undefined) ||
    (URL.canParse(origin) && new URL(origin).host === (forwarded ?? url.host));
}

/** Whether the browser speaks https, to us or to a proxy in front: a page's own origin tells it where no proxy does. */
function isSecure({ req, url }: Asked): boolean {
  return url.protocol === "https:" || req.headers.get("origin")?.startsWith("https:") === true;
}
