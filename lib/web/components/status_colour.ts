/** Which colour a state of the connection or of a person has, and how times are told to people. */
import type { ConnectionState, PresenceStatus } from "../../client/mod.ts";

/** A colour class of the style sheet. */
type Tone = "good" | "wait" | "bad" | "off";

const OF_PERSON: Record<PresenceStatus, Tone> = { online: "good", away: "wait", offline: "off" };

/** The colour of a connection. */
export function toneOfConnection(state: ConnectionState): Tone {
  switch (state.status) {
    case "connected":
      return state.degraded ? "wait" : "good";
    case "connecting":
    case "reconnecting":
      return "wait";
    case "disconnected":
      return state.reason === "idle" ? "off" : "bad";
  }
}

/** The colour of a person. */
export function toneOfPerson(status: PresenceStatus): Tone {
  return OF_PERSON[status];
}

/** `ms` as people say it: "just now", "3 min ago", "2 h ago", "5 d ago". */
export function ago(ms: number): string {
  const minutes = Math.floor(ms / 60_000);
  if (minutes < 1) return "just now";
  if (minutes < 60) return `${minutes} min ago`;
  const hours = Math.floor(minutes / 60);
  return hours < 24 ? `${hours} h ago` : `${Math.floor(hours / 24)} d ago`;
}
