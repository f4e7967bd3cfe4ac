import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { BadgeFace } from "../lib/web/components/BadgeFace.tsx";
import { ConnectionPanel } from "../lib/web/components/ConnectionPanel.tsx";
import { useStatus } from "../lib/web/components/connection_status.ts";

const PANEL = "connection-panel";

/** What a page passes. */
export interface ConnectionProps {
  /** Whether the panel is open at first, where the screen has room for it. */
  open?: boolean;
}

/** The connection of the page: a badge that is always there, and a panel behind it. */
export default function Connection({ open = false }: ConnectionProps): JSX.Element {
  const { connection, state, shown } = useStatus();
  const expanded = useSignal(false);
  const aside = useRef<HTMLElement>(null);
  const badge = useRef<HTMLButtonElement>(null);

  useEffect(() => {
    expanded.value = open && matchMedia("(min-width: 40rem)").matches;
  }, []);

  const hasFocus = (): boolean => aside.current!.contains(document.activeElement);
  function close(): void {
    if (hasFocus()) badge.current!.focus(); // the panel would take the focus away with it
    expanded.value = false;
  }

  useEffect(() => {
    if (!expanded.value) return;
    const onKey = (event: KeyboardEvent): void => {
      if (event.key === "Escape" && (hasFocus() || document.activeElement === document.body)) close();
    };
    document.addEventListener("keydown", onKey);
    return () => document.removeEventListener("keydown", onKey);
  }, [expanded.value]);

  return (
    <aside ref={aside} class="connection" aria-label="Connection" data-status={state.value.status}>
      <div class="badge-line">
        <p class="badge-notice" role="status">{shown.value.notice}</p>
        <button
          ref={badge}
          type="button"
          class="badge"
          title="Details of the connection"
          aria-expanded={expanded.value}
          aria-controls={PANEL}
          onClick={() => expanded.value ? close() : expanded.value = true}
        >
          <BadgeFace state={shown.value.state} />
        </button>
      </div>
      {expanded.value && connection !== null && (
        <ConnectionPanel id={PANEL} connection={connection} state={state.value} onClose={close} />
      )}
    </aside>
  );
}
