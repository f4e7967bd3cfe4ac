import { channelId, userId } from "../../../../../lib/protocol/ids.ts";
import { define } from "../../../../../lib/web/define.ts";
import { forUser } from "../../../../../lib/web/endpoints.ts";

function membershipOf([, channel, , user]: string[]) {
  return { channelId: channelId(channel), userId: userId(user) };
}

const add = forUser(async ({ user, services: { channels }, path }) => ({
  added: await channels.addMember(user, membershipOf(path())),
}));

/** Adds a member: `{ added }`; ends a membership: `{ removed }`. Open pages on every node follow at once. */
export const handler = define.handlers({
  PUT: add,
  // as it was called before
  POST: add,
  DELETE: forUser(async ({ user, services: { channels }, path }) => ({
    removed: await channels.removeMember(user, membershipOf(path())),
  })),
});
