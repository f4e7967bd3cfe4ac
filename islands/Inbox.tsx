import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect } from "preact/hooks";
import type { ChatEvent } from "../lib/client/mod.ts";
import { useConnection } from "../lib/client/preact.ts";
import { connectionOptions } from "../lib/web/components/connection_options.ts";

const KEPT = 20;

/** What back ends sent to this page, the newest first. A call is answered with `{ seen: true }`. */
export default function Inbox(): JSX.Element {
  const connection = useConnection(connectionOptions);
  const events = useSignal<ChatEvent[]>([]);

  useEffect(() => {
    connection?.on("events", (event, answer) => {
      events.value = [event, ...events.value].slice(0, KEPT);
      answer?.({ seen: true });
    });
  }, [connection]);

  return (
    <section class="card" aria-labelledby="inbox">
      <h2 id="inbox">From your back end</h2>
      <div role="log" aria-labelledby="inbox">
        <ol class="log" tabIndex={0} aria-labelledby="inbox">
          {events.value.map(({ data }, index) => (
            <li key={events.value.length - index}>
              <strong>{data.type}</strong> {JSON.stringify(data.data)}
            </li>
          ))}
          {events.value.length === 0 && <li class="empty">What you send to /api/events shows up here.</li>}
        </ol>
      </div>
    </section>
  );
}
