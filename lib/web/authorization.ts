/** What endpoints ask and answer about tokens; where a token lies in a request is `lib/auth`'s to know. */
import type { Context } from "fresh";
import { createHash, timingSafeEqual } from "node:crypto";
import type { Identity } from "../auth/claims.ts";
import { bearerOf, clearedTokenCookies, tokenCookie } from "../auth/http_token.ts";
import type { Issued } from "../auth/issuer.ts";
import { ProtocolError } from "../protocol/codes.ts";
import { type Asked, browserHost, isHttps } from "./browser_url.ts";
import type { State } from "./request_state.ts";
import { json } from "./responses.ts";

export { tokenOf } from "../auth/http_token.ts";

/** Whether the request bears exactly `expected`; takes as long whatever was sent. */
export function bearerMatches(request: Request, expected: string): boolean {
  // of hashes, which have one length
  return timingSafeEqual(sha256(bearerOf(request) ?? ""), sha256(expected));
}

function sha256(text: string): Uint8Array {
  return createHash("sha256").update(text).digest();
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

/** What a sign-in or a refresh answers: `{ token, user, expiresAt }` and the cookie. */
export function signedIn(asked: Asked, { token, identity }: Issued): Response {
  const { user, expiresAt } = identity;
  const cookie = tokenCookie(token, { secure: isSecure(asked), expiresAt });
  return json({ token, user, expiresAt }, { headers: { "set-cookie": cookie } });
}

/** What a sign-in by a form of a page answers: the cookie, and the front page. */
export function signedInByForm(asked: Asked, { token, identity }: Issued): Response {
  const cookie = tokenCookie(token, { secure: isSecure(asked), expiresAt: identity.expiresAt });
  return new Response(null, { status: 303, headers: { location: "/", "set-cookie": cookie } });
}

/** What a sign-out answers: the cookie taken back. */
export function signedOut(asked: Asked): Response {
  const cookies = clearedTokenCookies({ secure: isSecure(asked) });
  return json({ ok: true }, { headers: cookies.map((cookie): [string, string] => ["set-cookie", cookie]) });
}

/** Whether a page of `origin` is one of ours, or of a site that may act for its users here (`CORS_ALLOW_ORIGIN`). */
export function isTrustedOrigin(origin: string, ctx: Context<State>): boolean {
  const { allowedOrigins } = ctx.state.services;
  // hosts are compared and not schemes: a proxy in front may have ended TLS
  return allowedOrigins.includes(origin) ||
    // a token that the page itself sends is its own, where a cookie may be a visitor's
    (allowedOrigins.includes("*") && bearerOf(ctx.req) !== undefined) ||
    (URL.canParse(origin) && new URL(origin).host === browserHost(ctx));
}

/** Whether the browser speaks https: a page's own origin tells it where no proxy does. */
function isSecure(asked: Asked): boolean {
  return isHttps(asked) || asked.req.headers.get("origin")?.startsWith("https:") === true;
}
