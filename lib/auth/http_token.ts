/** The token in HTTP requests: where it is read from, and the cookie that keeps it for pages. */

/** The cookie that holds the token. */
const TOKEN_COOKIE = "tether_token";

/** The token of `request`: a bearer token, else the cookie; `undefined` when there is neither. Not verified. */
export function tokenOf(request: Request): string | undefined {
  return bearerOf(request) ?? cookieOf(request);
}

interface TokenCookieOptions {
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
