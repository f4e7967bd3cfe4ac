import { parseBody } from "../../../lib/protocol/payloads.ts";
import { json, readJson } from "../../../lib/web/responses.ts";
import { requireIdentity } from "../../../lib/web/authorization.ts";
import { define } from "../../../lib/web/define.ts";

/** The user's channels with what is unread in each: `{ channels }`; makes one: `{ channel }`. */
export const handler = define.handlers({
  async GET(ctx) {
    const { user } = requireIdentity(ctx.state);
    return json({ channels: await ctx.state.services.channels.overview(user.id) });
  },
  async POST(ctx) {
    const { user } = requireIdentity(ctx.state);
    const wanted = parseBody("POST /api/channels", await readJson(ctx.req));
    return json({ channel: await ctx.state.services.channels.create(user, wanted) }, { status: 201 });
  },
});
