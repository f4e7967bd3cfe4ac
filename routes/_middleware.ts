import { define } from "../lib/web/define.ts";
import { tokenOf } from "../lib/web/credentials.ts";
import { ProtocolError } from "../lib/protocol/codes.ts";

/** Finds out who is asking; what that allows is each route's to say. */
export default define.middleware(async (ctx) => {
  const token = tokenOf(ctx.req);
  if (token !== undefined) {
    try {
      ctx.state.identity = await ctx.state.services.authenticate(token);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      ctx.state.refused = error.code;
    }
  }
  return await ctx.next();
});
