import { requireIdentity, signedIn } from "../../../lib/web/credentials.ts";
import { define } from "../../../lib/web/define.ts";
import { ProtocolError } from "../../../lib/protocol/codes.ts";

/** A new token for who is signed in: `{ token, user }` and the cookie. */
export const handler = define.handlers({
  async POST(ctx) {
    const { signIn } = ctx.state.services;
    const identity = requireIdentity(ctx.state);
    if (signIn === null) {
      throw new ProtocolError("access/not-found", "Tokens for this server come from elsewhere.");
    }
    return signedIn(ctx.url, await signIn.refresh(identity));
  },
});
