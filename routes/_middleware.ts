import { HttpError } from "fresh";
import { define } from "../lib/web/define.ts";
import { tokenOf } from "../lib/web/authorization.ts";
import { ProtocolError } from "../lib/protocol/codes.ts";

/** Finds out who is asking; what that allows is each route's to say. */
export default define.middleware(async (ctx) => {
  const { services } = ctx.state;
  const token = tokenOf(ctx.req);
  if (token !== undefined) {
    try {
      ctx.state.identity = await services.authenticate(token);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      ctx.state.refused = error;
    }
  }
  try {
    return await ctx.next();
  } catch (error) {
    if (!(error instanceof HttpError)) services.failed(error);
    throw error;
  }
});
