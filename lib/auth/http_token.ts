/** The token in HTTP requests: where it is read from, and the cookie that keeps it for pages. */
import { ProtocolError } from "../protocol/codes.ts";

/** The cookie that holds the token. */
export const TOKEN_COOKIE = "tether_token";

/** The token of `request`: a bearer token, else the cookie; `undefined` when there is neither. Not verified. */
export function tokenOf(request: Request): string | undefined {
  return bearerOf(request) ?? cookieOf(request);
}

/**
 * Throws `access/denied` for a request that another site made a browser send: one that changes state, shows no
 * bearer token (which a browser never sends on its own) and comes neither from this host nor from one of
 * `allowedOrigins`. Compares hosts, not schemes, since a proxy in front may have ended TLS. What is no browser
 * names no origin.
 */
export function assertNotForged(request: Request, allowedOrigins: readonly string[] = []): void {
  if (["GET", "HEAD", "OPTIONS"].includes(request.method) || bearerOf(request) !== undefined) return;
  const origin = request.headers.get("origin");
  const site = request.headers.get("sec-fetch-site");
  const good = origin === null
    ? site === null || site === "same-origin" || site === "none"
    : allowedOrigins.includes(origin) || hostOf(origin) === requestHost(request);
  if (!good) throw new ProtocolError("access/denied", "The request comes from another site.");
}

/** Whether the browser behind `request` speaks https: to this server, or to the proxy in front where one is trusted. */
export function isHttps(request: Request, { trustProxy }: { trustProxy: boolean }): boolean {
  const forwarded = trustProxy ? request.headers.get("x-forwarded-proto")?.split(",")[0]?.trim() : undefined;
  return (forwarded || new URL(request.url).protocol.slice(0, -1)) === "https";
}

/** Options of {@linkcode tokenCookie}. */
export interface TokenCookieOptions {
  /** Whether browsers reach the server over https. */
  secure: boolean;
  /** When the token runs out, epoch milliseconds; `null`: the cookie ends with the browser. */
  expiresAt: number | null;
}

/** The `Set-Cookie` value that keeps `token`, out of reach of scripts and of other sites' requests. */
export function tokenCookie(token: string, { secure, expiresAt }: TokenCookieOptions): string {
  const expires = expiresAt === null ? "" : `; Expires=${new Date(expiresAt).toUTCString()}`;
  return `${TOKEN_COOKIE}=${token}; Path=/; HttpOnly; SameSite=Lax${secure ? "; Secure" : ""}${expires}`;
}

/** The `Set-Cookie` value that removes the token. */
export function clearedTokenCookie(options: Pick<TokenCookieOptions, "secure">): string {
  return tokenCookie("", { ...options, expiresAt: 0 });
}

/** The bearer token of `request`. */
export function bearerOf(request: Request): string | undefined {
  return /^bearer +(\S+)$/i.exec(request.headers.get("authorization") ?? "")?.[1];
}

function cookieOf(request: Request): string | undefined {
  for (const pair of (request.headers.get("cookie") ?? "").split(";")) {
    const [name, value] = pair.trim().split("=", 2);
    if (name === TOKEN_COOKIE && value) return value;
  }
  return undefined;
}

function requestHost(request: Request): string {
  return request.headers.get("host") ?? new URL(request.url).host;
}

function hostOf(origin: string): string | undefined {
  return URL.canParse(origin) ? new URL(origin).host : undefined;
}
