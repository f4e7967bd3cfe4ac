import { HttpError, page } from "fresh";
import Connection from "../islands/Connection.tsx";
import People from "../islands/People.tsx";
import { actionOf } from "../lib/protocol/codes.ts";
import { define } from "../lib/web/define.ts";

export const handler = define.handlers({
  GET(ctx) {
    const { identity, refused } = ctx.state;
    // a token that cannot be judged now may be good: signing in anew is not what helps
    if (refused !== undefined && actionOf(refused) !== "reauth") throw new HttpError(503);
    if (identity === undefined) {
      return ctx.redirect(
        refused === undefined ? "/sign-in" : `/sign-in?because=${encodeURIComponent(refused)}`,
        303,
      );
    }
    return page({ user: identity.user });
  },
});

export default define.page<typeof handler>(function Home({ data }) {
  return (
    <main>
      <h1>Tether</h1>
      <p class="lead">
        You are{" "}
        <strong>{data.user.name}</strong>. Open this page in a second browser, or stop the server and start it
        again, and watch.
      </p>
      <People />
      <Connection open />
    </main>
  );
});
