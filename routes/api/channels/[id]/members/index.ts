import { channelId } from "../../../../../lib/protocol/ids.ts";
import { membersOf } from "../../../../../lib/web/channel_members.ts";
import { define } from "../../../../../lib/web/define.ts";
import { forUser } from "../../../../../lib/web/endpoints.ts";

/** The members of a channel whom one may see, and their status: `{ members }`. */
export const handler = define.handlers({
  GET: forUser(async ({ identity, services, path }) => ({
    members: await membersOf(channelId(path()[1]), { identity, services }),
  })),
});
