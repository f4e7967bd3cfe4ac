import { define } from "../lib/web/define.ts";
import { json } from "../lib/web/responses.ts";

/** 200 when this node should get traffic, 503 with the failing part when not. */
export const handler = define.handlers({
  GET(ctx) {
    const readiness = ctx.state.services.readiness();
    return json(readiness, { status: readiness.ready ? 200 : 503 });
  },
});
