import { channelId } from "../../../../lib/protocol/ids.ts";
import { parseBody } from "../../../../lib/protocol/payloads.ts";
import { define } from "../../../../lib/web/define.ts";
import { forUser } from "../../../../lib/web/endpoints.ts";

/** Names a channel anew: `{ channel }`; removes it with all that was said in it: `{ ok }`. For its maker and administrators. */
export const handler = define.handlers({
  PATCH: forUser(async ({ user, services: { channels }, path, body }) => {
    const { name } = parseBody("PATCH /api/channels/{id}", await body());
    return { channel: await channels.rename(user, { channelId: channelId(path()[1]), name }) };
  }),
  DELETE: forUser(async ({ user, services: { channels }, path }) => {
    await channels.remove(user, channelId(path()[1]));
    return { ok: true };
  }),
});
