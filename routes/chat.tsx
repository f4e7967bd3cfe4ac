import { page } from "fresh";
import { asset, Head } from "fresh/runtime";
import Channels from "../islands/Channels.tsx";
import Status from "../islands/Status.tsx";
import { MAX_PRESENCE_LIMIT } from "../lib/protocol/payloads.ts";
import { membersOf } from "../lib/web/channel_members.ts";
import { define } from "../lib/web/define.ts";
import { toSignIn } from "../lib/web/sign_in_reasons.ts";

export const handler = define.handlers({
  async GET(ctx) {
    const { identity, services } = ctx.state;
    if (identity === undefined) return toSignIn(ctx);
    const { user: { id, role } } = identity;
    const channels = await services.channels.overview(id);
    const wanted = ctx.url.searchParams.get("channel");
    const open = (channels.find((channel) => channel.id === wanted) ?? channels[0]!).id;
    const [messages, { users: people }, members] = await Promise.all([
      services.channels.messages(id, open),
      services.presence(id, { limit: MAX_PRESENCE_LIMIT }),
      membersOf(open, { identity, services }),
    ]);
    return page({
      me: { id, role },
      channels,
      open,
      messages,
      people,
      memberIds: members.map((member) => member.id),
    });
  },
});

export default define.page<typeof handler>(function ChatPage({ data }) {
  return (
    <main class="wide">
      <Head>
        <title>Chat · Tether</title>
        {/* without a key it would take the place of the other stylesheet */}
        <link key="chat" rel="stylesheet" href={asset("/chat.css")} />
      </Head>
      <h1 class="hidden">Chat</h1>
      <p class="crumb">
        <a href="/">Tether</a>
      </p>
      <Channels {...data} />
      <Status />
    </main>
  );
});
