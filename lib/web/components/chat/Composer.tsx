import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import type { Chat } from "./chat.ts";

/** Where a message is written: Enter sends it, Shift and Enter begin a new line. */
export function Composer({ chat }: { chat: Chat }): JSX.Element {
  const text = useSignal("");

  async function send(event: Event): Promise<void> {
    event.preventDefault();
    const content = text.value;
    if (content.trim() === "") return;
    text.value = "";
    // what was written meanwhile stays, too
    if (!await chat.say(content)) text.value = content + text.value;
  }

  return (
    <form class="composer" onSubmit={send}>
      <textarea
        aria-label="Message"
        rows={2}
        maxLength={8000}
        placeholder="Write a message"
        value={text.value}
        onInput={({ currentTarget: { value } }) => {
          text.value = value;
          chat.typed(value);
        }}
        onKeyDown={(event) => {
          if (event.key === "Enter" && !event.shiftKey && !event.isComposing) void send(event);
        }}
      />
      <button type="submit" class="primary">Send</button>
    </form>
  );
}
