import { type ChannelId, channelId } from "../../../../lib/protocol/ids.ts";
import { parseBody } from "../../../../lib/protocol/payloads.ts";
import { requireIdentity } from "../../../../lib/web/authorization.ts";
import { define } from "../../../../lib/web/define.ts";
import { segmentsOf } from "../../../../lib/web/path_segments.ts";
import { json, readJson } from "../../../../lib/web/responses.ts";

function idOf(url: URL): ChannelId {
  return channelId(segmentsOf(url)[1]);
}

/** Names a channel anew: `{ channel }`; removes it with all that was said in it: `{ ok }`. For its maker and administrators. */
export const handler = define.handlers({
  async PATCH(ctx) {
    const { user } = requireIdentity(ctx.state);
    const { name } = parseBody("PATCH /api/channels/{id}", await readJson(ctx.req));
    return json({
      channel: await ctx.state.services.channels.rename(user, { channelId: idOf(ctx.url), name }),
    });
  },
  async DELETE(ctx) {
    const { user } = requireIdentity(ctx.state);
    await ctx.state.services.channels.remove(user, idOf(ctx.url));
    return json({ ok: true });
  },
});
