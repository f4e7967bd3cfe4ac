/** The token in HTTP requests: where it is read from, and the cookie that keeps it for pages. */

/** The cookie that holds the token. */
const TOKEN_COOKIE = "tether_token";
/** The same over https: with this prefix no other host of the domain can set it. */
const HOST_COOKIE = `__Host-${TOKEN_COOKIE}`;

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
  const name = secure ? HOST_COOKIE : TOKEN_COOKIE;
  return `${name}=${token}; Path=/; HttpOnly; SameSite=Lax${secure ? "; Secure" : ""}${expires}`;
}

/** The `Set-Cookie` values that remove the token; over https also the one that a back end may have set without prefix. */
export function clearedTokenCookies({ secure }: Pick<TokenCookieOptions, "secure">): string[] {
  const schemes = secure ? [true, false] : [false];
  return schemes.map((secure) => tokenCookie("", { secure, expiresAt: 0 }));
}

/** The bearer token of `request`. */
export function bearerOf(request: Request): string | undefined {
  return /^bearer +(\S+)$/i.exec(request.headers.get("authorization") ?? "")?.[1];
}

function cookieOf(request: Request): string | undefined {
  const cookies = new Map<string, string>();
  for (const pair of (request.headers.get("cookie") ?? "").split(";")) {
    const [name = "", value] = pair.trim().split("=", 2);
    // the first of a name is the one of the longest path, which browsers send first
    if (value && !cookies.has(name)) cookies.set(name, value);
  }
  return cookies.get(HOST_COOKIE) ?? cookies.get(TOKEN_COOKIE);
}
