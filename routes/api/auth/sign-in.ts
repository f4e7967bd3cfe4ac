import { readJson } from "../../../lib/web/responses.ts";
import { signedIn } from "../../../lib/web/authorization.ts";
import { define } from "../../../lib/web/define.ts";
import { ProtocolError } from "../../../lib/protocol/codes.ts";

const MAX_BODY_BYTES = 10_000;

/** Signs in by name, in demo mode: `{ name }` → `{ token, user, expiresAt }` and the cookie. */
export const handler = define.handlers({
  async POST(ctx) {
    const { signIn } = ctx.state.services;
    if (signIn === null) {
      throw new ProtocolError("access/not-found", "Tokens for this server come from elsewhere.");
    }
    const body = await readJson(ctx.req, { maxBytes: MAX_BODY_BYTES }) as { name?: unknown } | null;
    return signedIn(ctx, await signIn.signIn(body?.name));
  },
});
