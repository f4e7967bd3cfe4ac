import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect } from "preact/hooks";
import { IDLE } from "../lib/client/mod.ts";
import { useConnection, useConnectionState } from "../lib/client/preact.ts";
import { createCalm, type Shown } from "../lib/web/components/calm.ts";
import { connectionOptions } from "../lib/web/components/connection_options.ts";
import { toneOfConnection } from "../lib/web/components/tone.ts";

/** The connection on a page that is about something else: a badge, which leads to the page about the connection. */
export default function Status(): JSX.Element {
  const connection = useConnection(connectionOptions);
  const state = useConnectionState(connection);
  const shown = useSignal<Shown>({ state: IDLE, notice: "" });

  useEffect(() => {
    if (connection === null) return;
    const calm = createCalm((next) => shown.value = next);
    connection.subscribe((next) => {
      calm.update(next);
      // only a new sign-in helps here
      if (next.status === "disconnected" && next.reason === "unauthorized") {
        location.assign(`/sign-in?because=${next.cause?.code ?? "auth/missing"}`);
      }
    });
    return () => calm[Symbol.dispose]();
  }, [connection]);

  const { state: { status }, notice } = shown.value;
  return (
    <aside class="connection" aria-label="Connection" data-status={state.value.status}>
      <div class="badge-line">
        <p class="badge-notice" role="status">{notice}</p>
        <a class="badge" href="/">
          <span class={`dot ${toneOfConnection(status)}`} aria-hidden="true" />
          <span class="badge-word">{status}</span>
        </a>
      </div>
    </aside>
  );
}
