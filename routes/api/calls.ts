import { parseBody } from "../../lib/protocol/payloads.ts";
import { json, readJson } from "../../lib/web/responses.ts";
import { requireService } from "../../lib/web/authorization.ts";
import { define } from "../../lib/web/define.ts";

/** Asks one session and answers what its client acknowledges; 404 when it is gone, 504 when it is late. */
export const handler = define.handlers({
  async POST(ctx) {
    const { services } = ctx.state;
    requireService(ctx.req, services);
    const body = await readJson(ctx.req, { maxBytes: services.maxPayloadBytes });
    const { sessionId, timeoutMs = services.callTimeoutMs, ...event } = parseBody("POST /api/calls", body);
    return json(await services.outbound.call(sessionId, event, { timeoutMs }));
  },
});
