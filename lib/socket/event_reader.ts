/**
 * Takes what a client sends to the handlers by the shortest way. A plain event goes from the engine's frame straight to
 * its handler and its answer straight back, with none of Socket.IO's queues in between; everything else — binary
 * events, acknowledgements, other packets, what is not valid — goes through Socket.IO as ever.
 */
import process from "node:process";
import type { EngineSocket } from "../engine/mod.ts";
import type { Answer, Dispatch } from "./dispatch.ts";
import { decodeEvent } from "../eventlog/packet_codec.ts";
import type { LiveSession } from "./types.ts";

/** Takes the events of `session` to `dispatch` until its socket disconnects. */
export function takeEvents(session: LiveSession, dispatch: Dispatch): void {
  const { socket } = session;
  const conn = socket.conn as unknown as EngineSocket;
  const official = conn.listeners("data");
  let isUnusual = false;
  // Socket.IO handles a packet in a later tick; whatever comes before that must not overtake it
  let deferred = 0;

  for (const listener of official) conn.off("data", listener);
  conn.on("data", (data) => {
    // the connection may stay for the packets of its end
    const isShort = deferred === 0 && socket.connected && typeof data === "string";
    const event = isShort ? decodeEvent(data) : undefined;
    if (event !== undefined) {
      // neither iterated nor spread: this runs for every event
      const { id, data } = event;
      const answer = id === undefined ? undefined : answerTo(conn, id);
      return dispatch(session, { name: data[0], payload: data[1], answer });
    }
    // few sessions ever need it
    if (!isUnusual) takeUnusual(session, dispatch);
    isUnusual = true;
    deferred++;
    for (const listener of official) listener.call(conn, data);
    process.nextTick(() => deferred--);
  });
}

function takeUnusual(session: LiveSession, dispatch: Dispatch): void {
  // nothing comes after this middleware, so it does not call the next
  session.socket.use(([name, ...args]) => {
    const last = args.at(-1);
    const answer = typeof last === "function" ? last as Answer : undefined;
    dispatch(session, { name, payload: args[0] === answer ? undefined : args[0], answer });
  });
}

/** Answers packet `id` with an acknowledgement of plain JSON. */
function answerTo(conn: EngineSocket, id: number): Answer {
  return (answer) => void conn.write(`3${id}[${JSON.stringify(answer)}]`);
}
