import { parseQuery } from "../../lib/protocol/payloads.ts";
import { bearerMatches, requireIdentity } from "../../lib/web/authorization.ts";
import { define } from "../../lib/web/define.ts";
import { json } from "../../lib/web/responses.ts";

/**
 * How users are, of those whom one may see, and of all for a service: `?userIds=a,b` → `{ users }`, or a page of the
 * lately active, `?limit=&after=` → `{ users, total, next }`.
 */
export const handler = define.handlers({
  async GET({ req, state, url: { searchParams } }) {
    const { serviceToken, presence } = state.services;
    const isService = serviceToken !== null && bearerMatches(req, serviceToken);
    const viewer = isService ? undefined : requireIdentity(state).user.id;
    return json(await presence(viewer, parseQuery("GET /api/presence", searchParams)));
  },
});
