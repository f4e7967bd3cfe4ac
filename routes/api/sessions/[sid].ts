import { json } from "../../../lib/web/responses.ts";
import { requireAdmin } from "../../../lib/web/authorization.ts";
import { define } from "../../../lib/web/define.ts";
import { ProtocolError } from "../../../lib/protocol/codes.ts";
import { sessionId } from "../../../lib/protocol/ids.ts";

/** Ends a session, for administrators; its client is told not to come back by itself. */
export const handler = define.handlers({
  async DELETE({ state, params }) {
    requireAdmin(state);
    const ended = await state.services.administration.endSession(sessionId(params.sid));
    if (!ended) throw new ProtocolError("access/not-found", "There is no such session.");
    return json({ ok: true });
  },
});
