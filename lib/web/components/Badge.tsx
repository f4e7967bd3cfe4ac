import type { JSX, RefObject } from "preact";
import type { ConnectionState } from "../../client/mod.ts";
import { Countdown } from "./Countdown.tsx";
import { toneOfConnection } from "./tone.ts";

/** Options of {@linkcode Badge}. */
export interface BadgeProps {
  state: ConnectionState;
  /** A sentence for a moment when something changed; empty otherwise. */
  notice: string;
  expanded: boolean;
  /** The id of what the badge opens. */
  controls: string;
  button: RefObject<HTMLButtonElement>;
  onToggle: () => void;
}

const WORDS: Record<ConnectionState["status"], string> = {
  connected: "Connected",
  connecting: "Connecting",
  reconnecting: "Reconnecting",
  disconnected: "Disconnected",
};

/** A dot, a word and a number, in a place of fixed size; a click opens the panel. */
export function Badge({ state, notice, expanded, controls, button, onToggle }: BadgeProps): JSX.Element {
  const idle = state.status === "disconnected" && state.reason === "idle";
  return (
    <div class="badge-line">
      <p class="badge-notice" role="status">{notice}</p>
      <button
        ref={button}
        type="button"
        class="badge"
        title="Details of the connection"
        aria-expanded={expanded}
        aria-controls={controls}
        onClick={onToggle}
      >
        <span class={`dot ${toneOfConnection(state)}`} aria-hidden="true" />
        <span class="badge-word">{idle ? "Starting" : WORDS[state.status]}</span>
        <span class="badge-number">
          <BadgeNumber state={state} />
        </span>
      </button>
    </div>
  );
}

/** The round-trip time, or the seconds until the next attempt. */
function BadgeNumber({ state }: { state: ConnectionState }) {
  if (state.status === "connected" && state.rttMs !== null) return <>{Math.round(state.rttMs)} ms</>;
  if (state.status === "reconnecting" && state.retryAt !== null) {
    return <Countdown until={state.retryAt} digits={0} />;
  }
  return null;
}
