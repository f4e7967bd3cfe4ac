import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { IDLE } from "../lib/client/mod.ts";
import { useConnection, useConnectionState } from "../lib/client/preact.ts";
import { Badge } from "../lib/web/components/Badge.tsx";
import { createCalm, type Shown } from "../lib/web/components/calm.ts";
import { connectionOptions } from "../lib/web/components/connection_options.ts";
import { ConnectionPanel } from "../lib/web/components/ConnectionPanel.tsx";

const PANEL = "connection-panel";

/** What a page passes. */
export interface ConnectionProps {
  /** Whether the panel is open at first. */
  open?: boolean;
}

/** The connection of the page: a badge that is always there, and a panel behind it. */
export default function Connection({ open = false }: ConnectionProps) {
  const connection = useConnection(connectionOptions);
  const state = useConnectionState(connection);
  const expanded = useSignal(open);
  const shown = useSignal<Shown>({ state: IDLE, notice: "" });

  useEffect(() => {
    if (connection === null) return;
    const calm = createCalm((next) => shown.value = next);
    connection.subscribe((next) => {
      calm.update(next);
      // only a new sign-in helps here
      if (next.status === "disconnected" && next.reason === "unauthorized") {
        location.assign(`/sign-in?because=${encodeURIComponent(next.cause?.code ?? "auth/missing")}`);
      }
    });
    return () => calm[Symbol.dispose]();
  }, [connection]);

  return (
    <aside class="connection" aria-label="Connection" data-status={state.value.status}>
      {expanded.value && connection !== null && (
        <ConnectionPanel id={PANEL} connection={connection} state={state.value} />
      )}
      <Badge
        state={shown.value.state}
        notice={shown.value.notice}
        expanded={expanded.value}
        controls={PANEL}
        onToggle={() => expanded.value = !expanded.value}
      />
    </aside>
  );
}
