/** `csrf()`: refuses requests that change something and come from another site. */
import type { Context } from "../context.ts";
import { HttpError } from "../error.ts";
import type { Middleware } from "../middleware.ts";

export interface CsrfOptions<State> {
  /** Whether pages of another origin may send requests. */
  origin: (origin: string, ctx: Context<State>) => boolean;
}

const SAFE_METHODS = new Set(["GET", "HEAD", "OPTIONS"]);

/** A refused request is a 403. A client that is no browser sends neither header, and passes. */
export function csrf<State>({ origin: isAllowed }: CsrfOptions<State>): Middleware<State> {
  return async function freshCsrf(ctx) {
    const { method, headers } = ctx.req;
    const site = headers.get("Sec-Fetch-Site");
    const origin = headers.get("Origin");
    const trusted = SAFE_METHODS.has(method) ||
      site === "same-origin" || site === "none" ||
      (site === null && origin === null) ||
      (origin !== null && isAllowed(origin, ctx));
    if (!trusted) throw new HttpError(403);
    return await ctx.next();
  };
}
