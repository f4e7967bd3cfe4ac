import { json } from "../../../lib/web/responses.ts";
import { requireAdmin } from "../../../lib/web/authorization.ts";
import { define } from "../../../lib/web/define.ts";
import { parseQuery } from "../../../lib/protocol/payloads.ts";

/** The fleet's sessions, for administrators: `?limit=&after=` → `{ sessions, next, total }`. */
export const handler = define.handlers({
  async GET({ state, url: { searchParams } }) {
    requireAdmin(state);
    const query = parseQuery("GET /api/sessions", searchParams);
    return json(await state.services.administration.sessions(query));
  },
});
