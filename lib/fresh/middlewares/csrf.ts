/** `csrf()`: refuses requests that change something and come from another site. */
import type { Context } from "../context.ts";
import { HttpError } from "../error.ts";
import type { Middleware } from "../types.ts";

// deno-lint-ignore no-explicit-any -- the default that Fresh publishes
export interface CsrfOptions<State = any> {
  /** The origins that may send requests. Default: this site's own. */
  origin?:
    | string
    | string[]
    | ((origin: string, context: Context<State>) => boolean);
}

const SAFE_METHODS = new Set(["GET", "HEAD", "OPTIONS"]);

/** A refused request is a 403. A client that is no browser sends neither header, and passes. */
export function csrf<State>(options: CsrfOptions<State> = {}): Middleware<State> {
  return async function freshCsrf(ctx) {
    const { method, headers } = ctx.req;
    const site = headers.get("Sec-Fetch-Site");
    const origin = headers.get("Origin");
    const trusted = SAFE_METHODS.has(method) ||
      site === "same-origin" || site === "none" ||
      (site === null && origin === null) ||
      (origin !== null && isAllowed(origin, { allowed: options.origin, ctx }));
    if (!trusted) throw new HttpError(403);
    return await ctx.next();
  };
}

function isAllowed<State>(
  origin: string,
  { allowed, ctx }: {
    allowed: CsrfOptions<State>["origin"];
    ctx: Context<State>;
  },
): boolean {
  if (typeof allowed === "function") return allowed(origin, ctx);
  return Array.isArray(allowed) ? allowed.includes(origin) : origin === (allowed || ctx.url.origin);
}
