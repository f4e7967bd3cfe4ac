import { json } from "../../../../lib/web/responses.ts";
import { requireAdmin } from "../../../../lib/web/authorization.ts";
import { define } from "../../../../lib/web/define.ts";
import { type UserId, userId } from "../../../../lib/protocol/ids.ts";

// not out of `params`, where "/", ":", "@" and their like stay encoded: that would be another user
function idOf({ pathname }: URL): UserId {
  const [, , , id = ""] = pathname.split("/");
  return userId(decodeURIComponent(id));
}

/**
 * For administrators: revokes all tokens of a user that were issued until now, which ends the user's sessions; and takes
 * that back. A token that does not say when it was issued counts as old for as long as the revocation stands.
 */
export const handler = define.handlers({
  async POST({ state, url }) {
    requireAdmin(state);
    await state.services.administration.revokeUser(idOf(url));
    return json({ ok: true, tokensWithoutIat: "refused until this is taken back" });
  },
  async DELETE({ state, url }) {
    requireAdmin(state);
    return json({ restored: await state.services.administration.restoreUser(idOf(url)) });
  },
});
