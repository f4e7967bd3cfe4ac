import { parseQuery } from "../../../lib/protocol/payloads.ts";
import { define } from "../../../lib/web/define.ts";
import { forAdmin } from "../../../lib/web/endpoints.ts";

/** The fleet's sessions, for administrators: `?limit=&after=` → `{ sessions, next, total }`. */
export const handler = define.handlers({
  GET: forAdmin(({ services: { administration }, query }) =>
    administration.sessions(parseQuery("GET /api/sessions", query))
  ),
});
