import { requireIdentity, signedOut } from "../../../lib/web/authorization.ts";
import { define } from "../../../lib/web/define.ts";

/** Revokes this token, which ends its sessions, and takes the cookie back. */
export const handler = define.handlers({
  async POST(ctx) {
    await ctx.state.services.signOut(requireIdentity(ctx.state));
    return signedOut(ctx);
  },
});
