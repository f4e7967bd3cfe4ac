import { json } from "../../../lib/web/responses.ts";
import { requireIdentity } from "../../../lib/web/authorization.ts";
import { define } from "../../../lib/web/define.ts";

/** Who is signed in: `{ user, expiresAt }`. */
export const handler = define.handlers({
  GET(ctx) {
    const { user, expiresAt } = requireIdentity(ctx.state);
    return json({ user, expiresAt });
  },
});
