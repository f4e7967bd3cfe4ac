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
  // Socket.IO handles a packet in a later tick; whatever comes before that must not overtake it
  let deferred = 0;

  function onData(data: string | Uint8Array<ArrayBuffer>): void {
    const event = deferred === 0 && typeof data === "string" ? decodeEvent(data) : undefined;
    if (event !== undefined) {
      // neither iterated nor spread: this runs for every event
      const { id, data } = event;
      const answer = id === undefined ? undefined : answerTo(conn, id);
      return dispatch(session, { name: data[0], payload: data[1], answer });
    }
    deferred++;
    for (const listener of official) listener.call(conn, data);
    process.nextTick(() => deferred--);
  }

  for (const listener of official) conn.off("data", listener);
  conn.on("data", onData);
  // nothing comes after this middleware, so it does not call the next
  socket.use(([name, ...args]) => {
    const last = args.at(-1);
    const answer = typeof last === "function" ? last as Answer : undefined;
    dispatch(session, { name, payload: args[0] === answer ? undefined : args[0], answer });
  });

  socket.once("disconnect", () => {
    // the connection may stay for the packets of its end
    conn.off("data", onData);
    for (const listener of official) conn.on("data", listener);
  });
}

/** Answers packet `id` with an acknowledgement of plain JSON. */
function answerTo(conn: EngineSocket, id: number): Answer {
  return (answer) => void conn.write(`3${id}[${JSON.stringify(answer)}]`);
}
