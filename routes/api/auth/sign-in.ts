import type { Context } from "fresh";
import { signedIn, signedInByForm } from "../../../lib/web/authorization.ts";
import { isForm, readForm, readJson } from "../../../lib/web/responses.ts";
import { define } from "../../../lib/web/define.ts";
import type { Services } from "../../../lib/web/services.ts";
import type { State } from "../../../lib/web/request_state.ts";
import { ProtocolError } from "../../../lib/protocol/codes.ts";
import { parseBody } from "../../../lib/protocol/payloads.ts";

const MAX_BODY_BYTES = 10_000;

/** A form that goes out without script is answered by a page: the front page, or the sign-in page with the reason. */
async function signInByForm(ctx: Context<State>, signIn: NonNullable<Services["signIn"]>): Promise<Response> {
  try {
    const form = await readForm(ctx.req, { maxBytes: MAX_BODY_BYTES });
    return signedInByForm(ctx, await signIn.signIn(form.get("name")));
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    return ctx.redirect(`/sign-in?because=${encodeURIComponent(error.code)}`, 303);
  }
}

/** Signs in by name, in demo mode: `{ name }` → `{ token, user, expiresAt }` and the cookie. */
export const handler = define.handlers({
  async POST(ctx) {
    const { signIn } = ctx.state.services;
    if (signIn === null) {
      throw new ProtocolError("access/not-found", "Tokens for this server come from elsewhere.");
    }
    if (isForm(ctx.req)) return await signInByForm(ctx, signIn);
    const body = await readJson(ctx.req, { maxBytes: MAX_BODY_BYTES });
    return signedIn(ctx, await signIn.signIn(parseBody("POST /api/auth/sign-in", body).name));
  },
});
