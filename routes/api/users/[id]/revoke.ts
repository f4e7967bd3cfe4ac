import { userId } from "../../../../lib/protocol/ids.ts";
import { define } from "../../../../lib/web/define.ts";
import { forAdmin } from "../../../../lib/web/endpoints.ts";

/**
 * For administrators: revokes all tokens of a user that were issued until now, which ends the user's sessions; and takes
 * that back. A token that does not say when it was issued counts as old for as long as the revocation stands.
 */
export const handler = define.handlers({
  POST: forAdmin(async ({ services: { administration }, path }) => {
    await administration.revokeUser(userId(path()[1]));
    return { ok: true, tokensWithoutIat: "refused until this is taken back" };
  }),
  DELETE: forAdmin(async ({ services: { administration }, path }) => ({
    restored: await administration.restoreUser(userId(path()[1])),
  })),
});
