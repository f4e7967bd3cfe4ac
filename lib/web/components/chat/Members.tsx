import type { JSX } from "preact";
import { toneOfPerson } from "../status_colour.ts";
import type { Channel, Chat } from "./chat.ts";

/** Who is in the open channel and how they are; its maker adds and removes people here, the others may leave. */
export function Members({ chat, channel }: { chat: Chat; channel: Channel }): JSX.Element {
  const { me } = chat;
  const ids = new Set(chat.memberIds.value);
  const people = chat.people.value.toSorted((a, b) => a.name.localeCompare(b.name));
  const inside = people.filter(({ id }) => channel.public || ids.has(id));
  const outside = people.filter(({ id }) => !channel.public && !ids.has(id));
  const manages = !channel.public && (channel.createdBy === me.id || me.role === "admin");

  async function add(event: SubmitEvent): Promise<void> {
    event.preventDefault();
    const form = event.currentTarget as HTMLFormElement;
    await chat.setMember(String(new FormData(form).get("user")), true);
  }

  return (
    <section class="card members" aria-labelledby="members">
      <h2 id="members">Who is here</h2>
      <ul>
        {inside.map(({ id, name, status }) => (
          <li key={id} data-user={id} data-status={status}>
            <span class={`dot ${toneOfPerson(status)}`} aria-hidden="true" />
            <span class="name">{name}</span>
            <span class="hidden">{status}</span>
            {!channel.public && (id === me.id || manages) && (
              <button
                type="button"
                class="quiet"
                aria-label={id === me.id ? undefined : `Remove ${name}`}
                onClick={() => void chat.setMember(id, false)}
              >
                {id === me.id ? "Leave" : "Remove"}
              </button>
            )}
          </li>
        ))}
      </ul>
      {manages && outside.length > 0 && (
        <form class="add" onSubmit={add}>
          <select name="user" aria-label="Person">
            {outside.map(({ id, name }) => <option key={id} value={id}>{name}</option>)}
          </select>
          <button type="submit">Add</button>
        </form>
      )}
    </section>
  );
}
