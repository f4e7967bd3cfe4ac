import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect } from "preact/hooks";
import type { Presence } from "../lib/client/mod.ts";
import { useConnection } from "../lib/client/preact.ts";
import { connectionOptions } from "../lib/web/components/connection_options.ts";
import { withChanges } from "../lib/web/components/people.ts";
import { ago, toneOfPerson } from "../lib/web/components/status_colour.ts";

const ORDER = { online: 0, away: 1, offline: 2 };

/** Those whom the user may see and who were active lately, and how they are; kept current by the server's changes. */
export default function People(): JSX.Element {
  const connection = useConnection(connectionOptions);
  const people = useSignal<Presence[]>([]);
  const now = useSignal(Date.now());

  useEffect(() => {
    const timer = setInterval(() => now.value = Date.now(), 60_000);
    return () => clearInterval(timer);
  }, []);

  useEffect(() => {
    if (connection === null) return;
    // asked again on every connect: what changed while there was no connection is in the answer
    async function list(): Promise<void> {
      const { users } = await connection!.request("presence:list", {});
      people.value = users;
    }
    const ask = (): void => void list().catch(() => {});
    if (connection.state.status === "connected") ask();
    connection.on("connect", ask);
    connection.on("resync", ask);
    connection.on("presence:changes", ({ users }) => {
      people.value = withChanges(people.value, users);
      now.value = Date.now();
    });
  }, [connection]);

  const sorted = people.value.toSorted((a, b) =>
    ORDER[a.status] - ORDER[b.status] || a.name.localeCompare(b.name)
  );
  return (
    <section class="card" aria-labelledby="people">
      <h2 id="people">Who is here</h2>
      <ul class="people">
        {sorted.map(({ id, name, status, lastActiveAt }) => (
          <li key={id} data-user={id} data-status={status}>
            <span class={`dot ${toneOfPerson(status)}`} aria-hidden="true" />
            <span>{name}</span>
            <small>
              {status}
              {status !== "online" && lastActiveAt !== null && `, active ${ago(now.value - lastActiveAt)}`}
            </small>
          </li>
        ))}
      </ul>
    </section>
  );
}
