import { channelId } from "../../../../lib/protocol/ids.ts";
import { define } from "../../../../lib/web/define.ts";
import { forUser } from "../../../../lib/web/endpoints.ts";

/** The last 200 messages of a channel, the oldest first: `{ messages }`. */
export const handler = define.handlers({
  GET: forUser(async ({ user, services: { channels }, path }) => ({
    messages: await channels.messages(user.id, channelId(path()[1])),
  })),
});
