/** `cors()`: tells browsers which other origins may read the answers. */
import type { Middleware } from "../middleware.ts";

export interface CORSOptions {
  /** The origins that may read: `*`, one, or some. */
  origin: string | string[];
  /** Whether requests may come with cookies. */
  credentials?: boolean;
  /** The headers that scripts may read besides the simple ones. */
  exposeHeaders?: string[];
}

const METHODS = "GET,HEAD,PUT,POST,DELETE,PATCH";

/** `OPTIONS` is answered here; every other answer gets the headers on its way out, unless the handler throws. */
export function cors<State>({ origin, credentials, exposeHeaders = [] }: CORSOptions): Middleware<State> {
  return async function freshCors(ctx) {
    const { method, headers: asked } = ctx.req;
    const asking = asked.get("Origin") ?? "";
    const allowed = origin === "*" || [origin].flat().includes(asking);
    const isPreflight = method === "OPTIONS";
    const response = isPreflight ? new Response(null, { status: 204 }) : await ctx.next();
    const { headers } = response;

    if (allowed) headers.set("Access-Control-Allow-Origin", origin === "*" ? "*" : asking);
    if (allowed && origin !== "*") headers.append("Vary", "Origin");
    if (credentials) headers.set("Access-Control-Allow-Credentials", "true");
    if (exposeHeaders.length > 0) headers.set("Access-Control-Expose-Headers", exposeHeaders.join());
    if (isPreflight) {
      headers.set("Access-Control-Allow-Methods", METHODS);
      const wanted = asked.get("Access-Control-Request-Headers")?.split(/\s*,\s*/).join();
      if (wanted) {
        headers.set("Access-Control-Allow-Headers", wanted);
        headers.append("Vary", "Access-Control-Request-Headers");
      }
    }
    return response;
  };
}
