import { type Context, HttpError } from "fresh";
import { ProtocolError } from "../lib/protocol/codes.ts";
import { errorAnswer } from "../lib/web/responses.ts";
import { ErrorPage } from "../lib/web/components/ErrorPage.tsx";
import { tokenOf } from "../lib/web/authorization.ts";
import { define } from "../lib/web/define.ts";
import type { State } from "../lib/web/request_state.ts";

/** What routes answer is somebody's: nobody keeps it, unless the route says so. */
async function keepNothing(ctx: Context<State>): Promise<Response> {
  const response = await ctx.next();
  if (!response.headers.has("cache-control")) response.headers.set("cache-control", "no-store");
  return response;
}

/** Fresh would render an `_error` page outside of the middlewares, which then could give it no headers. */
async function showErrors(ctx: Context<State>): Promise<Response> {
  try {
    return await ctx.next();
  } catch (error) {
    if (!(error instanceof HttpError)) ctx.state.services.failed(error);
    // endpoints answer for their errors themselves: this is a path that is none
    if (ctx.url.pathname.startsWith("/api/")) return errorAnswer(error);
    const status = error instanceof HttpError ? error.status : 500;
    return await ctx.render(<ErrorPage status={status} />, { status });
  }
}

/** Finds out who is asking; what that allows is each route's to say. */
async function identify(ctx: Context<State>): Promise<Response> {
  const { state } = ctx;
  const token = tokenOf(ctx.req);
  if (token !== undefined) {
    try {
      state.identity = await state.services.authenticate(token);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      state.refused = error;
    }
  }
  return await ctx.next();
}

export default define.middleware([keepNothing, showErrors, identify]);
