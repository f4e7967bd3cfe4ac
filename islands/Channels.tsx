import { useEffect, useMemo } from "preact/hooks";
import type { JSX } from "preact";
import { useConnection } from "../lib/client/preact.ts";
import { ChannelList } from "../lib/web/components/chat/ChannelList.tsx";
import { type ChatStart, createChat } from "../lib/web/components/chat/chat.ts";
import { Composer } from "../lib/web/components/chat/Composer.tsx";
import { Members } from "../lib/web/components/chat/Members.tsx";
import { Messages } from "../lib/web/components/chat/Messages.tsx";
import { connectionOptions } from "../lib/web/components/connection_options.ts";

/** The user's channels: what is said, who types, what is unread, and who is in them. */
export default function Channels(start: ChatStart): JSX.Element {
  const connection = useConnection(connectionOptions);
  const chat = useMemo(() => createChat(start), []);
  useEffect(() => connection === null ? undefined : chat.follow(connection), [connection]);

  const channel = chat.channels.value.find(({ id }) => id === chat.open.value) ?? chat.channels.value[0]!;
  return (
    <div class="chat">
      <ChannelList chat={chat} />
      <section class="card talk" aria-labelledby="talk">
        <h2 id="talk">{channel.name}</h2>
        <Messages key={channel.id} chat={chat} />
        <p class="error" role="alert">{chat.problem.value}</p>
        <Composer key={`composer-${channel.id}`} chat={chat} />
      </section>
      <Members chat={chat} channel={channel} />
    </div>
  );
}
