import { json } from "../../lib/web/responses.ts";
import { requireIdentity } from "../../lib/web/authorization.ts";
import { define } from "../../lib/web/define.ts";

/** The users whom one may see, and their status: `{ users }`. */
export const handler = define.handlers({
  async GET(ctx) {
    return json({ users: await ctx.state.services.presence(requireIdentity(ctx.state)) });
  },
});
