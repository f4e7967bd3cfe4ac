/** A middleware, and how a chain of them runs over one request. */
import type { Context } from "./context.ts";

/** Answers a request, or passes it on with `ctx.next()`. */
export type Middleware<State> = (ctx: Context<State>) => Response | Promise<Response>;

/** Runs the middlewares in order, and `last` when the innermost one calls `ctx.next()`. */
export function runChain<State>(
  chain: readonly Middleware<State>[],
  { ctx, last }: { ctx: Context<State>; last: () => Promise<Response> },
): Promise<Response> {
  async function runFrom(index: number): Promise<Response> {
    const middleware = chain[index];
    if (middleware === undefined) return await last();
    ctx.next = () => runFrom(index + 1);
    return await middleware(ctx);
  }
  return runFrom(0);
}
