import type { JSX } from "preact";
import type { HistoryEntry } from "../../client/mod.ts";

/** What the machine's events mean to people. */
const EVENTS: Record<string, string> = {
  connect: "asked for",
  disconnect: "asked for",
  reconnect: "asked for",
  "signed-out": "no token",
  "token-failed": "no token",
  ready: "session ready",
  closed: "line down",
  suspect: "no heartbeat",
  offline: "network gone",
  nudge: "network back",
  suspend: "page put away",
  resume: "page back",
};

/** What happened to the connection, the newest first; `history` has it the oldest first. */
export function EventLog({ history }: { history: readonly HistoryEntry[] }): JSX.Element {
  const lines = history.map((entry, index) => (
    <li key={`${entry.at} ${entry.event}`} title={entry.cause?.message}>
      <time dateTime={new Date(entry.at).toISOString()}>
        {new Date(entry.at).toLocaleTimeString(undefined, { timeStyle: "medium" })}
      </time>
      <span>{entry.from === entry.to ? entry.to : `${entry.from} → ${entry.to}`}</span>
      <small>{reasonOf(entry, history[index - 1])}</small>
    </li>
  ));
  return (
    <div class="log" role="group" aria-label="What happened" tabIndex={0}>
      <ol>{lines.reverse()}</ol>
    </div>
  );
}

function reasonOf({ event, cause }: HistoryEntry, before: HistoryEntry | undefined): string {
  // the end of a wait keeps its cause, a failure brings one of its own
  if (event === "timeout") return cause === before?.cause ? "next attempt" : "no answer in time";
  return EVENTS[event] ?? cause?.code ?? event;
}
