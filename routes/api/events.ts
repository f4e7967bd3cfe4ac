import { parseBody } from "../../lib/protocol/payloads.ts";
import { define } from "../../lib/web/define.ts";
import { forService } from "../../lib/web/endpoints.ts";

/** Emits `events` into open pages, for a back end: `{ sessions }`, how many it was addressed to. */
export const handler = define.handlers({
  POST: forService(async ({ services: { outbound }, body }) => {
    const { to, ...event } = parseBody("POST /api/events", await body());
    return { sessions: await outbound.emit(to, event) };
  }),
});
