import type { Context } from "fresh";
import type { State } from "../../../../../lib/web/request_state.ts";
import { channelId, userId } from "../../../../../lib/protocol/ids.ts";
import { json } from "../../../../../lib/web/responses.ts";
import { requireIdentity } from "../../../../../lib/web/authorization.ts";
import { define } from "../../../../../lib/web/define.ts";
import { segmentsOf } from "../../../../../lib/web/path_segments.ts";

function membershipOf(url: URL) {
  const [, channel, , user] = segmentsOf(url);
  return { channelId: channelId(channel), userId: userId(user) };
}

async function add(ctx: Context<State>): Promise<Response> {
  const { user } = requireIdentity(ctx.state);
  return json({ added: await ctx.state.services.channels.addMember(user, membershipOf(ctx.url)) });
}

/** Adds a member: `{ added }`; ends a membership: `{ removed }`. Open pages on every node follow at once. */
export const handler = define.handlers({
  PUT: add,
  // as it was called before
  POST: add,
  async DELETE(ctx) {
    const { user } = requireIdentity(ctx.state);
    return json({ removed: await ctx.state.services.channels.removeMember(user, membershipOf(ctx.url)) });
  },
});
