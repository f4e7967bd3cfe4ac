import { type Context, HttpError } from "fresh";
import { ProtocolError } from "../lib/protocol/codes.ts";
import { clientAddress } from "../lib/web/client_address.ts";
import { errorAnswer, statusOf } from "../lib/web/responses.ts";
import { ErrorPage } from "../lib/web/components/ErrorPage.tsx";
import { bearerMatches, tokenOf } from "../lib/web/authorization.ts";
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
    const isRefusal = error instanceof HttpError || error instanceof ProtocolError;
    if (!isRefusal) ctx.state.services.failed(error);
    // endpoints answer for their errors themselves: this is a path that is none
    if (ctx.url.pathname.startsWith("/api/")) return errorAnswer(error);
    const status = error instanceof HttpError
      ? error.status
      : error instanceof ProtocolError
      ? statusOf(error.code)
      : 500;
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

/** Nobody keeps the server busy alone; a back end that shows its token is trusted not to. */
async function limit(ctx: Context<State>): Promise<Response> {
  const { req, url: { pathname }, state: { identity, services } } = ctx;
  if (services.serviceToken === null || !bearerMatches(req, services.serviceToken)) {
    const kind = pathname === "/api/auth/sign-in" ? "sign-in" : "request";
    // a thief who spends a user's requests must not keep them from signing out
    const userId = pathname === "/api/auth/sign-out" ? undefined : identity?.user.id;
    await services.limits.take(kind, { address: clientAddress(ctx), userId });
  }
  return await ctx.next();
}

export default define.middleware([keepNothing, showErrors, identify, limit]);
