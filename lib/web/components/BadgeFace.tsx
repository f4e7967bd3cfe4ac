import type { JSX } from "preact";
import type { ConnectionState } from "../../client/mod.ts";
import { Countdown } from "./Countdown.tsx";
import { toneOfConnection } from "./status_colour.ts";

/** A dot, a word, and a number: the round-trip time, or the seconds until the next attempt. */
export function BadgeFace({ state }: { state: ConnectionState }): JSX.Element {
  return (
    <>
      <span class={`dot ${toneOfConnection(state)}`} aria-hidden="true" />
      <span class="badge-word">{wordOf(state)}</span>
      <span class="badge-number">
        {state.status === "connected" && state.rttMs !== null && `${Math.round(state.rttMs)} ms`}
        {state.status === "reconnecting" && state.retryAt !== null && (
          <Countdown until={state.retryAt} digits={0} />
        )}
      </span>
    </>
  );
}

function wordOf(state: ConnectionState): string {
  if (state.status === "disconnected" && state.reason === "idle") return "Starting";
  return state.status[0]!.toUpperCase() + state.status.slice(1);
}
