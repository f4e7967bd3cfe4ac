import { parseBody } from "../../lib/protocol/payloads.ts";
import { define } from "../../lib/web/define.ts";
import { forService } from "../../lib/web/endpoints.ts";

/** Asks one session and answers what its client acknowledges; 404 when it is gone, 504 when it is late. */
export const handler = define.handlers({
  POST: forService(async ({ services: { outbound, callTimeoutMs }, body }) => {
    const { sessionId, timeoutMs = callTimeoutMs, ...event } = parseBody("POST /api/calls", await body());
    return await outbound.call(sessionId, event, { timeoutMs });
  }),
});
