import { json } from "../../../lib/web/responses.ts";
import { requireAdmin } from "../../../lib/web/authorization.ts";
import { define } from "../../../lib/web/define.ts";
import { ProtocolError } from "../../../lib/protocol/codes.ts";
import { sessionId } from "../../../lib/protocol/ids.ts";

const DEFAULT_LIMIT = 100;
const MAX_LIMIT = 1000;

/** The fleet's sessions, for administrators: `?limit=&after=` → `{ sessions, next, total }`. */
export const handler = define.handlers({
  async GET({ state, url: { searchParams } }) {
    requireAdmin(state);
    const limit = Number(searchParams.get("limit") ?? DEFAULT_LIMIT);
    if (!Number.isInteger(limit) || limit < 1 || limit > MAX_LIMIT) {
      throw new ProtocolError("request/invalid", `"limit" must be a whole number from 1 to ${MAX_LIMIT}.`);
    }
    const after = searchParams.get("after");
    const { administration } = state.services;
    return json(
      await administration.sessions(after === null ? { limit } : { limit, after: sessionId(after) }),
    );
  },
});
