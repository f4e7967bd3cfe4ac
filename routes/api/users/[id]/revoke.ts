import { json } from "../../../../lib/web/responses.ts";
import { requireAdmin } from "../../../../lib/web/authorization.ts";
import { define } from "../../../../lib/web/define.ts";
import { userId } from "../../../../lib/protocol/ids.ts";

/** Revokes all tokens of a user that were issued until now, for administrators; it ends the user's sessions. */
export const handler = define.handlers({
  async POST({ state, url }) {
    requireAdmin(state);
    // not out of `params`, where "/", ":", "@" and their like stay encoded: that would be another user
    const [, , , id = ""] = url.pathname.split("/");
    await state.services.administration.revokeUser(userId(decodeURIComponent(id)));
    return json({ ok: true });
  },
});
