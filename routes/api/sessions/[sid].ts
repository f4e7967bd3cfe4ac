import { ProtocolError } from "../../../lib/protocol/codes.ts";
import { sessionId } from "../../../lib/protocol/ids.ts";
import { define } from "../../../lib/web/define.ts";
import { forAdmin } from "../../../lib/web/endpoints.ts";

/** Ends a session, for administrators; its client is told not to come back by itself. */
export const handler = define.handlers({
  DELETE: forAdmin(async ({ services: { administration }, path }) => {
    if (await administration.endSession(sessionId(path()[1]))) return { ok: true };
    throw new ProtocolError("access/not-found", "There is no such session.");
  }),
});
