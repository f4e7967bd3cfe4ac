import type { JSX } from "preact";
import type { Connection, ConnectionState } from "../../client/mod.ts";
import { Countdown } from "./Countdown.tsx";
import { EventLog } from "./EventLog.tsx";
import { Sparkline } from "./Sparkline.tsx";
import { StateDiagram } from "./StateDiagram.tsx";

const SAMPLES = 30;

interface ConnectionPanelProps {
  id: string;
  connection: Connection;
  state: ConnectionState;
  onClose: () => void;
}

/** Everything there is to know of the connection, and the buttons that act on it. */
export function ConnectionPanel({ id, connection, state, onClose }: ConnectionPanelProps): JSX.Element {
  const { history, rtt: { samples, meanMs, jitterMs } } = connection;
  const rtt = meanMs === null ? "–" : `${meanMs.toFixed(1)} ms ± ${(jitterMs ?? 0).toFixed(1)}`;
  return (
    <section id={id} class="panel" aria-labelledby={`${id}-title`}>
      <header>
        <h2 id={`${id}-title`}>Connection</h2>
        <button type="button" class="close" aria-label="Close" onClick={onClose}>
          <span aria-hidden="true">×</span>
        </button>
      </header>
      <StateDiagram state={state} last={history.findLast(({ from, to }) => from !== to)} />
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
          <Sparkline
            values={samples}
            capacity={SAMPLES}
            label={`The last ${samples.length} round trips: ${rtt}`}
          />
        </dd>
      </dl>
      <p class="buttons">
        <button type="button" onClick={() => connection.reconnect()}>Reconnect now</button>
        <button
          type="button"
          aria-disabled={state.status === "disconnected"}
          onClick={() => connection.disconnect()}
        >
          Disconnect
        </button>
      </p>
      <EventLog history={history} />
    </section>
  );
}

/** The state in a few words, with what is particular of it. */
function StateLine({ state }: { state: ConnectionState }) {
  switch (state.status) {
    case "connected":
      return (
        <>
          connected{state.recovered && ", nothing missed"}
          {state.degraded && ", but other servers are out of its reach: updates may be missing"}
        </>
      );
    case "connecting":
      return <>connecting</>;
    case "disconnected":
      return <>disconnected ({state.reason}){state.reason === "ended" && `: ${state.cause?.message}`}</>;
    case "reconnecting":
      if (state.phase === "paused") return <>reconnecting when the network is back</>;
      return (
        <>
          reconnecting, attempt {state.attempt} {state.retryAt === null ? "now" : (
            <>
              in <Countdown until={state.retryAt} />
            </>
          )}
        </>
      );
  }
}
