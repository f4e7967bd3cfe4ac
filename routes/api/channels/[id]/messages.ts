import { channelId } from "../../../../lib/protocol/ids.ts";
import { json } from "../../../../lib/web/responses.ts";
import { requireIdentity } from "../../../../lib/web/authorization.ts";
import { define } from "../../../../lib/web/define.ts";
import { segmentsOf } from "../../../../lib/web/path_segments.ts";

/** The last 200 messages of a channel, the oldest first: `{ messages }`. */
export const handler = define.handlers({
  async GET(ctx) {
    const { user } = requireIdentity(ctx.state);
    const [, id] = segmentsOf(ctx.url);
    return json({ messages: await ctx.state.services.channels.messages(user.id, channelId(id)) });
  },
});
