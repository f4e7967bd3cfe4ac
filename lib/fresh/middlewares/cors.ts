/** `cors()`: tells browsers which other origins may read the answers. */
import type { Context } from "../context.ts";
import type { Middleware } from "../types.ts";

export interface CORSOptions<State> {
  /** The origins that may read: `*`, one, some, or what the function answers. */
  origin: string | string[] | ((origin: string, ctx: Context<State>) => string | undefined | null);
  /** Default: GET, HEAD, PUT, POST, DELETE, PATCH. */
  allowMethods?: string[];
  /** Default: those that the request asks for. */
  allowHeaders?: string[];
  /** How long an answer to `OPTIONS` may be kept, in seconds. */
  maxAge?: number;
  /** Whether requests may come with cookies. */
  credentials?: boolean;
  /** The headers that scripts may read besides the simple ones. */
  exposeHeaders?: string[];
}

const METHODS = ["GET", "HEAD", "PUT", "POST", "DELETE", "PATCH"];

/** `OPTIONS` is answered here; every other answer gets the headers on its way out, unless the handler throws. */
export function cors<State>(options: CORSOptions<State> = { origin: "*" }): Middleware<State> {
  const { allowMethods = METHODS, allowHeaders = [], exposeHeaders = [], maxAge, credentials } = options;

  return async function freshCors(ctx) {
    const { method, headers: asked } = ctx.req;
    const allowed = allowedOrigin(asked.get("Origin") ?? "", { origin: options.origin, ctx });
    const isPreflight = method === "OPTIONS";
    const response = isPreflight ? new Response(null, { status: 204 }) : await ctx.next();
    const { headers } = response;

    function set(name: string, value: string | readonly string[] | undefined): void {
      if (value?.length) headers.set(`Access-Control-${name}`, value.toString());
    }
    set("Allow-Origin", allowed);
    set("Allow-Credentials", credentials ? "true" : undefined);
    set("Expose-Headers", exposeHeaders);
    if (allowed && allowed !== "*") headers.append("Vary", "Origin");
    if (isPreflight) {
      set("Max-Age", maxAge?.toString());
      set("Allow-Methods", allowMethods);
      const wanted = asked.get("Access-Control-Request-Headers")?.split(/\s*,\s*/);
      const sent = allowHeaders.length > 0 ? allowHeaders : wanted;
      set("Allow-Headers", sent);
      if (sent?.length) headers.append("Vary", "Access-Control-Request-Headers");
    }
    return response;
  };
}

function allowedOrigin<State>(
  asking: string,
  { origin, ctx }: { origin: CORSOptions<State>["origin"]; ctx: Context<State> },
): string | undefined {
  if (typeof origin === "function") return origin(asking, ctx) ?? undefined;
  if (origin === "*") return origin;
  return [origin].flat().includes(asking) ? asking : undefined;
}
