import { page } from "fresh";
import SignIn from "../islands/SignIn.tsx";
import { define } from "../lib/web/define.ts";
import { reasonFor } from "../lib/web/sign_in_reasons.ts";

export const handler = define.handlers({
  GET(ctx) {
    const because = ctx.url.searchParams.get("because");
    // whoever was sent here for a reason signs in anew, whatever their cookie says
    if (ctx.state.identity !== undefined && because === null) return ctx.redirect("/", 303);
    return page({
      reason: because === null ? null : reasonFor(because),
      open: ctx.state.services.signIn !== null,
    });
  },
});

export default define.page<typeof handler>(function SignInPage({ data }) {
  return (
    <main class="narrow">
      <h1>Tether</h1>
      <p class="lead">Stay connected, and see who is here.</p>
      {data.reason !== null && <p class="notice" role="alert">{data.reason}</p>}
      {data.open
        ? <SignIn />
        : (
          <p>Tokens for this server come from elsewhere: open it through the application that issues them.</p>
        )}
    </main>
  );
});
