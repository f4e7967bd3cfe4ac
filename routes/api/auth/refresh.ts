import { json } from "../../../lib/web/responses.ts";
import { requireIdentity, signedIn, tokenOf } from "../../../lib/web/authorization.ts";
import { define } from "../../../lib/web/define.ts";

/**
 * A new token for who is signed in: `{ token, user, expiresAt }` and the cookie. Where tokens come from elsewhere it is
 * the one that came with the request, which a page needs for its socket and cannot read out of the cookie.
 */
export const handler = define.handlers({
  async POST(ctx) {
    const { signIn } = ctx.state.services;
    const identity = requireIdentity(ctx.state);
    if (signIn !== null) return signedIn(ctx, await signIn.refresh(identity));
    const { user, expiresAt } = identity;
    return json({ token: tokenOf(ctx.req), user, expiresAt });
  },
});
