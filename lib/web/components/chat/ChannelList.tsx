import type { JSX } from "preact";
import type { Chat } from "./chat.ts";

/** The user's channels with what is unread in each, and a form for a new one. */
export function ChannelList({ chat }: { chat: Chat }): JSX.Element {
  async function create(event: SubmitEvent): Promise<void> {
    event.preventDefault();
    const form = event.currentTarget as HTMLFormElement;
    const data = new FormData(form);
    if (!await chat.create(String(data.get("name")), { public: data.has("public") })) return;
    form.reset();
    form.closest("details")!.open = false;
  }

  return (
    <nav class="card channels" aria-label="Channels">
      <h2>Channels</h2>
      <ul>
        {chat.channels.value.map(({ id, name, unread, public: open }) => (
          <li key={id}>
            <button
              type="button"
              aria-current={id === chat.open.value ? "true" : undefined}
              data-channel={id}
              onClick={() => void chat.show(id)}
            >
              <span class="mark" aria-hidden="true">{open ? "#" : "∗"}</span>
              <span class="name">{name}</span>
              {unread > 0 && (
                <span class="unread">
                  {unread < 100 ? unread : "99+"}
                  <span class="hidden">unread</span>
                </span>
              )}
            </button>
          </li>
        ))}
      </ul>
      <details>
        <summary>New channel</summary>
        <form onSubmit={create}>
          <input
            name="name"
            aria-label="Name"
            placeholder="Name"
            required
            maxLength={100}
            autocomplete="off"
          />
          <label class="check">
            <input type="checkbox" name="public" />
            For everybody
          </label>
          <button type="submit">Create</button>
        </form>
      </details>
    </nav>
  );
}
