/**
 * Messages over `WEBSOCKET_MAX_PAYLOAD_BYTES`: the event is answered where its head tells how, and the session goes on;
 * it is ended in words where there is nothing to answer, or when there are more of them.
 */
import type { EngineSocket } from "../engine/mod.ts";
import type { Metrics } from "../metrics.ts";
import { CODES } from "../protocol/codes.ts";
import { endSession } from "./session_end.ts";
import { emitLocal, type TetherSocket } from "./types.ts";

interface OversizedOptions {
  metrics: Pick<Metrics, "failedEvents">;
  /** A clock in milliseconds that never goes back. */
  now?: () => number;
}

const CODE = "request/too-large";
const ERROR = { code: CODE, message: CODES[CODE].message } as const;
/** So many within so long end a session: each is read in full before it is seen how long it is. */
const MAX_OFFENCES = 3, WITHIN_MS = 60_000;
/** The id and the name of an event such as `217["name",…`; a name that takes some reading is none. */
const EVENT = /^2(\d{0,15})\[(?:"([^"\\]{0,100})")?/;

/** Answers a message of which `head` is the beginning; `""`: it is not known. */
export function createOversized(
  { metrics, now = () => performance.now() }: OversizedOptions,
): (socket: TetherSocket, head: string) => void {
  const offences = new WeakMap<TetherSocket, number[]>();

  function answer(socket: TetherSocket, head: string): boolean {
    const [, id = "", event] = EVENT.exec(head) ?? [];
    if (id !== "") {
      const conn = socket.conn as unknown as EngineSocket;
      conn.write(`3${id}[${JSON.stringify({ ok: false, error: ERROR })}]`);
    } else if (event !== undefined) emitLocal(socket, "error", { event, ...ERROR });
    return id !== "" || event !== undefined;
  }

  return (socket, head) => {
    const at = now();
    const recent = [...offences.get(socket) ?? [], at].filter((time) => at - time < WITHIN_MS);
    offences.set(socket, recent);
    metrics.failedEvents.inc({ code: CODE });
    if (!answer(socket, head) || recent.length >= MAX_OFFENCES) endSession(socket, { code: CODE });
  };
}
