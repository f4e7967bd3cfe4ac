import type { Connection, ConnectionState, HistoryEntry } from "../../client/mod.ts";
import { Countdown } from "./Countdown.tsx";
import { Sparkline } from "./Sparkline.tsx";
import { StateDiagram } from "./StateDiagram.tsx";

const SAMPLES = 30;
const LINES = 50;

/** Options of {@linkcode ConnectionPanel}. */
export interface ConnectionPanelProps {
  id: string;
  connection: Connection;
  state: ConnectionState;
}

/** Everything there is to know of the connection, and the buttons that act on it. */
export function ConnectionPanel({ id, connection, state }: ConnectionPanelProps) {
  const { samples, meanMs, jitterMs } = connection.rtt;
  const rtt = meanMs === null ? "–" : `${meanMs.toFixed(1)} ms ± ${(jitterMs ?? 0).toFixed(1)}`;
  return (
    <section id={id} class="card panel" aria-label="Connection">
      <StateDiagram current={state.status} />
      <dl>
        <dt>State</dt>
        <dd data-field="state">
          <StateLine state={state} />
        </dd>
        <dt>Transport</dt>
        <dd data-field="transport">{state.status === "connected" ? state.transport : "–"}</dd>
        <dt>Session</dt>
        <dd data-field="session">
          <code>{state.status === "connected" ? state.sid : "–"}</code>
        </dd>
        <dt>Round trip</dt>
        <dd data-field="rtt">
          {rtt}
          <Sparkline values={samples} capacity={SAMPLES} label={`The last round trips; on average ${rtt}`} />
        </dd>
      </dl>
      <p class="buttons">
        <button type="button" onClick={() => reconnectNow(connection)}>Reconnect now</button>
        <button
          type="button"
          disabled={state.status === "disconnected"}
          onClick={() => connection.disconnect()}
        >
          Disconnect
        </button>
      </p>
      <ol class="log" aria-label="What happened" tabIndex={0}>
        {connection.history.slice(-LINES).toReversed().map((entry) => (
          <LogLine key={keyOf(entry)} entry={entry} />
        ))}
      </ol>
    </section>
  );
}

function reconnectNow(connection: Connection): void {
  if (connection.state.status === "disconnected") connection.connect();
  else connection.reconnect();
}

function StateLine({ state }: { state: ConnectionState }) {
  switch (state.status) {
    case "connected":
      return (
        <>
          connected{state.recovered && ", nothing missed"}
          {state.degraded && ", other servers out of reach"}
        </>
      );
    case "connecting":
      return <>connecting</>;
    case "disconnected":
      return <>disconnected ({state.reason})</>;
    case "reconnecting":
      return (
        <>
          reconnecting, attempt {state.attempt} {state.phase === "waiting" && state.retryAt !== null
            ? (
              <>
                in <Countdown until={state.retryAt} />
              </>
            )
            : state.phase === "paused"
            ? "when the network is back"
            : "now"}
        </>
      );
  }
}

function keyOf({ at, event, to }: HistoryEntry): string {
  return `${at} ${event} ${to}`;
}

function LogLine({ entry: { at, from, to, event, cause } }: { entry: HistoryEntry }) {
  return (
    <li>
      <time dateTime={new Date(at).toISOString()}>{new Date(at).toLocaleTimeString()}</time>{" "}
      {from === to ? event : `${from} → ${to}`}
      {cause !== null && ` (${cause.code ?? cause.kind})`}
    </li>
  );
}
