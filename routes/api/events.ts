import { parseBody } from "../../lib/protocol/payloads.ts";
import { json, readJson } from "../../lib/web/responses.ts";
import { requireService } from "../../lib/web/authorization.ts";
import { define } from "../../lib/web/define.ts";

/** Emits `events` into open pages, for a back end: `{ sessions }`, how many it was addressed to. */
export const handler = define.handlers({
  async POST(ctx) {
    const { services } = ctx.state;
    requireService(ctx.req, services);
    const body = await readJson(ctx.req, { maxBytes: services.maxPayloadBytes });
    const { to, ...event } = parseBody("POST /api/events", body);
    return json({ sessions: await services.outbound.emit(to, event) });
  },
});
