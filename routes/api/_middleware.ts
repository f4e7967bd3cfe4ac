import { type Context, cors, csrf, HttpError } from "fresh";
import { errorAnswer } from "../../lib/web/responses.ts";
import { isTrustedOrigin } from "../../lib/web/authorization.ts";
import type { State } from "../../lib/web/request_state.ts";
import { ProtocolError } from "../../lib/protocol/codes.ts";

/** Endpoints answer a failure as JSON with its code. */
async function answerErrors(ctx: Context<State>): Promise<Response> {
  try {
    return await ctx.next();
  } catch (error) {
    if (!(error instanceof ProtocolError || error instanceof HttpError)) ctx.state.services.failed(error);
    return errorAnswer(error);
  }
}

/** Pages of the origins that may connect may read, too. */
async function letOriginsRead(ctx: Context<State>): Promise<Response> {
  const { allowedOrigins } = ctx.state.services;
  if (allowedOrigins.length === 0) return await ctx.next();
  const anywhere = allowedOrigins.includes("*");
  const origin = anywhere ? "*" : [...allowedOrigins];
  return await cors<State>({ origin, credentials: !anywhere, exposeHeaders: ["Retry-After"] })(ctx);
}

/** Everything that changes something is below here, and out of reach of other sites' pages. */
export default [letOriginsRead, answerErrors, csrf<State>({ origin: isTrustedOrigin })];
