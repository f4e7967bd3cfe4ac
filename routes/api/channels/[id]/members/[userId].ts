import { channelId, userId } from "../../../../../lib/protocol/ids.ts";
import { json } from "../../../../../lib/web/answers.ts";
import { requireIdentity } from "../../../../../lib/web/credentials.ts";
import { define } from "../../../../../lib/web/define.ts";

function membershipOf(params: Record<string, string>) {
  return { channelId: channelId(params.id), userId: userId(params.userId) };
}

/** Adds a member: `{ added }`; ends a membership: `{ removed }`. Open pages on every node follow at once. */
export const handler = define.handlers({
  async POST(ctx) {
    const { user } = requireIdentity(ctx.state);
    return json({ added: await ctx.state.services.channels.addMember(user, membershipOf(ctx.params)) });
  },
  async DELETE(ctx) {
    const { user } = requireIdentity(ctx.state);
    return json({ removed: await ctx.state.services.channels.removeMember(user, membershipOf(ctx.params)) });
  },
});
