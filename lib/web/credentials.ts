/** How a request and an answer carry the token: a bearer header, or an HttpOnly cookie for pages. */
import { timingSafeEqual } from "node:crypto";
import type { Identity } from "../auth/claims.ts";
import { ProtocolError } from "../protocol/codes.ts";
import { json } from "./answers.ts";
import type { State } from "./state.ts";

const COOKIE = "tether_token";

/** The token of a request: of `Authorization: Bearer`, else of the cookie. */
export function tokenOf(request: Request): string | undefined {
  return bearerOf(request) ?? cookieOf(request);
}

function bearerOf(request: Request): string | undefined {
  return /^Bearer +(\S+) *$/i.exec(request.headers.get("authorization") ?? "")?.[1];
}

function cookieOf(request: Request): string | undefined {
  for (const pair of (request.headers.get("cookie") ?? "").split(/; */)) {
    if (pair.startsWith(`${COOKIE}=`)) return pair.slice(COOKIE.length + 1);
  }
  return undefined;
}

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

/** What a sign-in or a refresh answers: `{ token, user, expiresAt }` and the cookie. */
export function signedIn(url: URL, { token, identity }: { token: string; identity: Identity }): Response {
  const { user, expiresAt } = identity;
  const lifetime = expiresAt === null
    ? ""
    : `; Max-Age=${Math.max(0, Math.ceil((expiresAt - Date.now()) / 1000))}`;
  return json({ token, user, expiresAt }, { headers: { "set-cookie": cookie(url, token) + lifetime } });
}

/** What a sign-out answers: the cookie taken back. */
export function signedOut(url: URL): Response {
  return json({ ok: true }, { headers: { "set-cookie": `${cookie(url, "")}; Max-Age=0` } });
}

function cookie(url: URL, value: string): string {
  return `${COOKIE}=${value}; Path=/; HttpOnly; SameSite=Lax${url.protocol === "https:" ? "; Secure" : ""}`;
}
