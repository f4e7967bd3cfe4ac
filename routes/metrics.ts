import { bearerMatches } from "../lib/web/authorization.ts";
import { errorAnswer } from "../lib/web/responses.ts";
import { define } from "../lib/web/define.ts";
import { ProtocolError } from "../lib/protocol/codes.ts";

/** The metrics as Prometheus text, to holders of `METRICS_TOKEN` when it is set. */
export const handler = define.handlers({
  async GET(ctx) {
    const { metrics, metricsToken } = ctx.state.services;
    if (metricsToken !== null && !bearerMatches(ctx.req, metricsToken)) {
      return errorAnswer(new ProtocolError("access/denied"));
    }
    return new Response(await metrics.text(), { headers: { "content-type": metrics.contentType } });
  },
});
