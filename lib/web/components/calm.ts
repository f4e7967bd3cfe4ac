/**
 * What a person is told of the connection: nothing of a loss that is over within two seconds, then one plain
 * sentence, and once that it is back. Owns its one timer.
 */
import type { ConnectionState, DisconnectReason } from "../../client/mod.ts";

/** How long a loss goes unmentioned, and how long "back" is shown. In milliseconds. */
export const QUIET_MS = 2000;
export const BACK_MS = 4000;

/** What is shown. */
export interface Shown {
  /** The state to show: a fresh loss still shows as the state before it. */
  state: ConnectionState;
  /** The sentence; empty most of the time. */
  notice: string;
}

/** Follows the states of a connection. */
export interface Calm extends Disposable {
  update(state: ConnectionState): void;
}

const DISCONNECTED: Record<DisconnectReason, string> = {
  idle: "",
  stopped: "Disconnected.",
  unauthorized: "You are signed out.",
  exhausted: "The server cannot be reached.",
  ended: "The server ended the connection.",
};

const LOST = "The connection was lost. Reconnecting…";
const BACK = "You are connected again.";

/** Makes a {@linkcode Calm} that calls `show` whenever what is shown changes. */
export function createCalm(show: (shown: Shown) => void): Calm {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let shown: Shown | undefined;
  /** What came while nothing was to be said of a loss. */
  let held: ConnectionState | undefined;

  function tell(state: ConnectionState, notice: string): void {
    shown = { state, notice };
    show(shown);
  }

  function after(ms: number, then: () => void): void {
    clearTimeout(timer);
    timer = setTimeout(then, ms);
  }

  return {
    update(state) {
      if (state.status === "reconnecting" && (held !== undefined || shown?.state.status === "connected")) {
        if (held === undefined) {
          after(QUIET_MS, () => {
            tell(held!, LOST);
            held = undefined;
          });
        }
        held = state;
        return;
      }
      // a loss that nobody was told of leaves no trace, and a new round-trip time changes no sentence
      const same = held !== undefined || state.status === shown?.state.status;
      if (held !== undefined) clearTimeout(timer);
      held = undefined;
      if (same && shown !== undefined && state.status !== "disconnected") return tell(state, shown.notice);
      const back = state.status === "connected" && shown?.notice === LOST;
      if (state.status === "disconnected") clearTimeout(timer);
      tell(state, back ? BACK : state.status === "disconnected" ? DISCONNECTED[state.reason] : "");
      if (back) after(BACK_MS, () => tell(shown!.state, ""));
    },
    [Symbol.dispose]() {
      clearTimeout(timer);
    },
  };
}
