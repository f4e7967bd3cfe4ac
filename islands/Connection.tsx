import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { IDLE } from "../lib/client/mod.ts";
import { useConnection, useConnectionState } from "../lib/client/preact.ts";
import { Badge } from "../lib/web/components/Badge.tsx";
import { createCalm, type Shown } from "../lib/web/components/calm.ts";
import { connectionOptions } from "../lib/web/components/connection_options.ts";
import { ConnectionPanel } from "../lib/web/components/ConnectionPanel.tsx";

const PANEL = "connection-panel";

/** What a page passes. */
export interface ConnectionProps {
  /** Whether the panel is open at first, where the screen has room for it. */
  open?: boolean;
}

/** The connection of the page: a badge that is always there, and a panel behind it. */
export default function Connection({ open = false }: ConnectionProps): JSX.Element {
  const connection = useConnection(connectionOptions);
  const state = useConnectionState(connection);
  const expanded = useSignal(false);
  const shown = useSignal<Shown>({ state: IDLE, notice: "" });
  const aside = useRef<HTMLElement>(null);
  const badge = useRef<HTMLButtonElement>(null);

  useEffect(() => {
    expanded.value = open && matchMedia("(min-width: 40rem)").matches;
  }, []);

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

  function close(): void {
    // the panel takes what has the focus away with it
    if (aside.current?.contains(document.activeElement)) badge.current?.focus();
    expanded.value = false;
  }

  useEffect(() => {
    if (!expanded.value) return;
    const abort = new AbortController();
    document.addEventListener("keydown", (event) => {
      const here = document.activeElement === document.body ||
        aside.current?.contains(document.activeElement);
      if (event.key === "Escape" && !event.defaultPrevented && here) close();
    }, { signal: abort.signal });
    return () => abort.abort();
  }, [expanded.value]);

  return (
    <aside ref={aside} class="connection" aria-label="Connection" data-status={state.value.status}>
      <Badge
        state={shown.value.state}
        notice={shown.value.notice}
        expanded={expanded.value}
        controls={PANEL}
        button={badge}
        onToggle={() => expanded.value ? close() : expanded.value = true}
      />
      {expanded.value && connection !== null && (
        <ConnectionPanel id={PANEL} connection={connection} state={state.value} onClose={close} />
      )}
    </aside>
  );
}
