import { page } from "fresh";
import Connection from "../islands/Connection.tsx";
import Inbox from "../islands/Inbox.tsx";
import People from "../islands/People.tsx";
import SignOut from "../islands/SignOut.tsx";
import { define } from "../lib/web/define.ts";
import { toSignIn } from "../lib/web/sign_in_reasons.ts";

export const handler = define.handlers({
  GET(ctx) {
    const { identity } = ctx.state;
    if (identity === undefined) return toSignIn(ctx);
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
      <p>
        <a class="button" href="/chat">Open the chat</a> <SignOut />
      </p>
      <People />
      <Inbox />
      <Connection open />
    </main>
  );
});
