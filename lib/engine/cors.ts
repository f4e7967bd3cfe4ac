/** Which origins may talk to the engine. One rule serves CORS for HTTP and the check of WebSocket handshakes. */
import type { CorsOptions, ResolvedOptions } from "./options.ts";

/** Whether a request with this `Origin` is served. No `Origin` means no browser, and nothing to protect. */
export function originAllowed(request: Request, { cors, trustProxy }: ResolvedOptions): boolean {
  const origin = request.headers.get("origin");
  if (origin === null || cors.origins === "*") return true;
  if (cors.origins !== "same-origin") return cors.origins.includes(origin);
  const forwarded = trustProxy > 0
    ? request.headers.get("x-forwarded-host")?.split(",").at(-1)?.trim()
    : undefined;
  const host = forwarded ?? request.headers.get("host");
  // only the host is compared: behind a proxy that ends TLS the scheme seen here is not the page's
  return URL.canParse(origin) && new URL(origin).host === host?.toLowerCase();
}

/** The CORS headers of a response; an origin that is not allowed gets none that let it read. */
export function corsHeaders(request: Request, cors: Required<CorsOptions>): Headers {
  const headers = new Headers();
  const origin = request.headers.get("origin");
  if (cors.origins !== "*") headers.set("vary", "origin");
  if (origin === null || cors.origins === "same-origin") return headers;
  if (cors.origins !== "*" && !cors.origins.includes(origin)) return headers;
  headers.set("access-control-allow-origin", cors.origins === "*" ? "*" : origin);
  if (cors.credentials) headers.set("access-control-allow-credentials", "true");
  return headers;
}

/** The answer to `OPTIONS`. */
export function preflight(request: Request, headers: Headers): Response {
  headers.set("access-control-allow-methods", "GET, POST");
  headers.set(
    "access-control-allow-headers",
    request.headers.get("access-control-request-headers") ?? "content-type",
  );
  headers.set("access-control-max-age", "7200");
  return new Response(null, { status: 204, headers });
}
