import { parseBody } from "../../../lib/protocol/payloads.ts";
import { define } from "../../../lib/web/define.ts";
import { forUser } from "../../../lib/web/endpoints.ts";

/** The user's channels with what is unread in each: `{ channels }`; makes one: `{ channel }`. */
export const handler = define.handlers({
  GET: forUser(async ({ user, services: { channels } }) => ({ channels: await channels.overview(user.id) })),
  POST: forUser(async ({ user, services: { channels }, body }) => ({
    channel: await channels.create(user, parseBody("POST /api/channels", await body())),
  }), 201),
});
