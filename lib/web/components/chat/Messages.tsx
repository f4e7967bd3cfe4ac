import type { JSX } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";
import type { Chat } from "./chat.ts";

// who has scrolled up by more than this reads older messages
const NEAR_PX = 80;

/** What was said in the open channel, and who types. It stays at the end while the reader is there. */
export function Messages({ chat }: { chat: Chat }): JSX.Element {
  const view = useRef<HTMLDivElement>(null);
  const atEnd = useRef(true);
  const messages = chat.messages.value, typists = chat.typists.value;

  useLayoutEffect(() => {
    if (atEnd.current) view.current!.scrollTop = view.current!.scrollHeight;
  }, [messages]);

  function onScroll(
    { currentTarget: { scrollHeight, scrollTop, clientHeight } }: { currentTarget: Element },
  ): void {
    atEnd.current = scrollHeight - scrollTop - clientHeight < NEAR_PX;
  }

  return (
    <>
      <div class="messages" role="log" aria-label="Messages" tabIndex={0} ref={view} onScroll={onScroll}>
        <ol>
          {messages.map(({ id, user, content, createdAt }, index) => (
            <li key={id} class={user.id === chat.me.id ? "mine" : ""} data-message={id}>
              {(messages[index - 1]?.user.id !== user.id) && <strong>{user.name}</strong>}
              <p>{content}</p>
              <time dateTime={new Date(createdAt).toISOString()}>{clock(createdAt)}</time>
            </li>
          ))}
          {messages.length === 0 && <li class="empty">Nothing was said here yet.</li>}
        </ol>
      </div>
      <p class="typing" aria-live="polite">{typists.length > 0 && `Typing: ${typists.join(", ")}`}</p>
    </>
  );
}

function clock(ms: number): string {
  return new Date(ms).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
}
