/**
 * What a person is told of the connection: nothing of trouble that is over within two seconds, then one plain
 * sentence, and once that it is back. Owns its two timers.
 */
import type { ConnectionState, DisconnectReason } from "../../client/mod.ts";

/** How long trouble goes unmentioned, in milliseconds. */
export const QUIET_MS = 2000;
/** How long "back" is shown, in milliseconds. */
export const BACK_MS = 4000;

/** What is shown. */
export interface Shown {
  /** The state to show: fresh trouble still shows as the state before it. */
  state: ConnectionState;
  /** The sentence; empty most of the time. */
  notice: string;
}

interface ConnectionNotice extends Disposable {
  /** The connection is in this state now. */
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
const UNREACHABLE = "The server cannot be reached. Trying again…";
const OFFLINE = "You are offline. Reconnecting when the network is back.";
const BACK = "You are connected again.";

/** Calls `show` whenever what is shown changes. */
export function createConnectionNotice(show: (shown: Shown) => void): ConnectionNotice {
  let quiet: ReturnType<typeof setTimeout> | undefined;
  let back: ReturnType<typeof setTimeout> | undefined;
  let latest: ConnectionState;
  let shown: Shown | undefined;
  let lost = LOST;

  function tell(state: ConnectionState, notice: string): void {
    shown = { state, notice };
    show(shown);
  }

  function hush(): void {
    clearTimeout(quiet);
    quiet = undefined;
  }

  function noticeOf(state: ConnectionState): string {
    switch (state.status) {
      case "disconnected":
        return DISCONNECTED[state.reason];
      case "connecting":
        return "";
      case "reconnecting":
        return state.phase === "paused" ? OFFLINE : lost;
      case "connected":
        if (shown?.state.status === "connected") return shown.notice;
        return shown?.state.status === "reconnecting" ? BACK : "";
    }
  }

  return {
    update(state) {
      latest = state;
      if (state.status === "reconnecting" && shown !== undefined && isQuiet(shown.state)) {
        lost = shown.state.status === "connected" ? LOST : UNREACHABLE;
        // nobody sees a page that is put away; the two seconds begin when it is back
        if (state.phase === "paused" && state.cause.kind === "page") hush();
        else quiet ??= setTimeout(() => tell(latest, noticeOf(latest)), QUIET_MS);
        return;
      }
      hush();
      const before = shown?.notice;
      tell(state, noticeOf(state));
      if (shown?.notice !== BACK || before === BACK) return;
      clearTimeout(back);
      back = setTimeout(() => {
        if (shown?.notice === BACK) tell(shown.state, "");
      }, BACK_MS);
    },
    [Symbol.dispose]() {
      hush();
      clearTimeout(back);
    },
  };
}

/** Whether trouble that follows `state` goes unmentioned at first. */
function isQuiet({ status }: ConnectionState): boolean {
  return status === "connected" || status === "connecting";
}
