/** Says what a transition means by the names that people listen to, and remembers whether events may have been missed. */
import type { ConnectionEvents } from "./connection.ts";
import type { Emitter } from "../emitter.ts";
import type { Event, EventType, State } from "./state_machine.ts";
import { causeOf, statusOf } from "./connection_state.ts";

/** What ends an attempt that did not fail. */
const CALLED_OFF: ReadonlySet<EventType> = new Set<EventType>(["disconnect", "offline", "suspend"]);

/** Tells `emitter` of each transition it is called with. */
export function createAnnouncer(
  emitter: Emitter<ConnectionEvents>,
): (from: State, to: State, event: Event) => void {
  let hadSession = false;
  let degraded = false;

  function announceReady(from: State, to: Extract<State, { name: "connected" }>): void {
    const status = statusOf(to);
    if (from.name === "opening" && status.status === "connected") {
      emitter.emit("connect", status);
      if (from.cause) emitter.emit("reconnect", Math.max(1, from.attempt));
      if (hadSession && !status.recovered) emitter.emit("resync", "reconnected");
    }
    const { degraded: nowDegraded = false } = to.session;
    if (degraded && !nowDegraded) emitter.emit("resync", "degraded");
    hadSession = true;
    degraded = nowDegraded;
  }

  return (from, to, event) => {
    const cause = causeOf(to);
    if (to.name === "connected") {
      if (event.type === "ready" || event.type === "degraded") announceReady(from, to);
      return;
    }
    if (!cause) return; // the first attempt begins
    if (from.name === "connected") emitter.emit("disconnect", cause);
    if ((from.name === "authorizing" || from.name === "opening") && !CALLED_OFF.has(event.type)) {
      emitter.emit("connect_error", cause);
    }
    if (to.name === "authorizing") emitter.emit("reconnect_attempt", Math.max(1, to.attempt));
    if (to.name === "disconnected" && to.reason === "exhausted") emitter.emit("reconnect_failed", cause);
  };
}
