import { define } from "../../../lib/web/define.ts";
import { forUser } from "../../../lib/web/endpoints.ts";

/** Who is signed in: `{ user, expiresAt }`. */
export const handler = define.handlers({
  GET: forUser(({ user, identity: { expiresAt } }) => ({ user, expiresAt })),
});
