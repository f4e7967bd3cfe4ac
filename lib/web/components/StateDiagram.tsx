import type { JSX } from "preact";
import type { ConnectionState, HistoryEntry } from "../../client/mod.ts";
import { toneOfConnection } from "./status_colour.ts";

type Status = ConnectionState["status"];

const WIDTH = 300, HEIGHT = 128;
const BOX = { width: 106, height: 32 };
const RIGHT = WIDTH - BOX.width - 1, BOTTOM = HEIGHT - BOX.height - 1;

const PLACES: Record<Status, { x: number; y: number }> = {
  disconnected: { x: 1, y: 1 },
  connecting: { x: RIGHT, y: 1 },
  connected: { x: RIGHT, y: BOTTOM },
  reconnecting: { x: 1, y: BOTTOM },
};

/** An arrow from one state to another, with its two ends. */
interface Arrow {
  from: Status;
  to: Status;
  line: [x1: number, y1: number, x2: number, y2: number];
}

/** Every way there is from one state to another. */
export const ARROWS: readonly Arrow[] = [
  { from: "disconnected", to: "connecting", line: [109, 11, 191, 11] },
  { from: "connecting", to: "disconnected", line: [191, 23, 109, 23] },
  { from: "connecting", to: "connected", line: [258, 35, 258, 93] },
  { from: "connecting", to: "reconnecting", line: [203, 35, 97, 93] },
  { from: "connected", to: "reconnecting", line: [191, 117, 109, 117] },
  { from: "connected", to: "disconnected", line: [203, 93, 97, 35] },
  { from: "reconnecting", to: "connected", line: [109, 105, 191, 105] },
  { from: "reconnecting", to: "disconnected", line: [42, 93, 42, 35] },
];

interface StateDiagramProps {
  state: ConnectionState;
  /** The last change of state, whose arrow is lit too. */
  last: HistoryEntry | undefined;
}

/** The states of a connection and the ways between them, with the present one lit. */
export function StateDiagram({ state, last }: StateDiagramProps): JSX.Element {
  const label = `The connection is ${state.status}${last ? `, before it was ${last.from}` : ""}`;
  return (
    <svg class="states" role="img" aria-label={label} viewBox={`0 0 ${WIDTH} ${HEIGHT}`}>
      {ARROWS.map(({ from, to, line }) => (
        <path
          key={`${from} ${to}`}
          class={from === last?.from && to === last.to ? "arrow lit" : "arrow"}
          d={arrow(line)}
        />
      ))}
      {Object.entries(PLACES).map(([status, { x, y }]) => (
        <g key={status} class={status === state.status ? `state lit ${toneOfConnection(state)}` : "state"}>
          <rect x={x} y={y} {...BOX} rx={BOX.height / 2} />
          <text x={x + BOX.width / 2} y={y + BOX.height / 2}>{status}</text>
        </g>
      ))}
    </svg>
  );
}

/** A line with a head at its end. */
function arrow([x1, y1, x2, y2]: Arrow["line"]): string {
  const angle = Math.atan2(y2 - y1, x2 - x1);
  const barb = (turn: number): string =>
    `${(x2 - 7 * Math.cos(angle + turn)).toFixed(1)} ${(y2 - 7 * Math.sin(angle + turn)).toFixed(1)}`;
  return `M${x1} ${y1}L${x2} ${y2}M${barb(0.5)}L${x2} ${y2}L${barb(-0.5)}`;
}
