import { channelId } from "../../../../../lib/protocol/ids.ts";
import { json } from "../../../../../lib/web/responses.ts";
import { requireIdentity } from "../../../../../lib/web/authorization.ts";
import { define } from "../../../../../lib/web/define.ts";
import { segmentsOf } from "../../../../../lib/web/path_segments.ts";
import { membersOf } from "../../../../../lib/web/channel_members.ts";

/** The members of a channel whom one may see, and their status: `{ members }`. */
export const handler = define.handlers({
  async GET(ctx) {
    const identity = requireIdentity(ctx.state);
    const { services } = ctx.state;
    const [, id] = segmentsOf(ctx.url);
    return json({ members: await membersOf(channelId(id), { identity, services }) });
  },
});
