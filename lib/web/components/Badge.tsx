import type { ConnectionState } from "../../client/mod.ts";
import { toneOfConnection } from "./tone.ts";

/** Options of {@linkcode Badge}. */
export interface BadgeProps {
  state: ConnectionState;
  /** A sentence for a moment when something changed; empty otherwise. */
  notice: string;
  expanded: boolean;
  /** The id of what the badge opens. */
  controls: string;
  onToggle: () => void;
}

const WORDS: Record<ConnectionState["status"], string> = {
  connected: "Connected",
  connecting: "Connecting",
  reconnecting: "Reconnecting",
  disconnected: "Disconnected",
};

/** A dot, a word and the round-trip time, in a place of fixed size; a click opens the panel. */
export function Badge({ state, notice, expanded, controls, onToggle }: BadgeProps) {
  const rtt = state.status === "connected" && state.rttMs !== null ? `${Math.round(state.rttMs)} ms` : "";
  return (
    <div class="badge-line">
      <p class="badge-notice" role="status">{notice}</p>
      <button
        type="button"
        class="badge"
        aria-expanded={expanded}
        aria-controls={controls}
        onClick={onToggle}
      >
        <span class={`dot ${toneOfConnection(state.status)}`} aria-hidden="true" />
        <span class="badge-word">{WORDS[state.status]}</span>
        <span class="badge-rtt">{rtt}</span>
      </button>
    </div>
  );
}
