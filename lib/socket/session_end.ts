/** Ends sessions in words: `session:end` with a code, then the end that goes with its action (contract §2). */
import { actionOf, type Code, CODES } from "../protocol/codes.ts";
import type { SessionEnd } from "../protocol/events.ts";
import type { SessionId } from "../protocol/ids.ts";
import type { NodeBus } from "../eventlog/node_bus.ts";
import { emitLocal, type TetherSocket } from "./types.ts";

/** The codes that end a live session. */
type EndCode = Extract<
  Code,
  | "session/expired"
  | "session/revoked"
  | "session/ended"
  | "session/slow"
  | "request/too-large"
  | "admission/rate-limited"
  | "server/draining"
>;

export interface EndOptions {
  code: EndCode;
  /** Milliseconds before which the client must not come back. */
  retryAfterMs?: number;
}

/** The payload of `session:end` for `code`. */
function sessionEnd({ code, retryAfterMs }: EndOptions): SessionEnd {
  const end = { code, action: actionOf(code) ?? "retry", message: CODES[code].message };
  return retryAfterMs === undefined ? end : { ...end, retryAfterMs };
}

/**
 * Tells the client why, and ends its session. After `retry` it is the transport that closes, since an ordinary Socket.IO
 * client never tries again once its namespace was disconnected; its session can be taken up again.
 */
export function endSession(socket: TetherSocket, options: EndOptions): void {
  const end = sessionEnd(options);
  emitLocal(socket, "session:end", end);
  if (end.action === "retry") socket.conn.close();
  else socket.disconnect(true);
}

const TOPIC = "session:end";
// the node that has it ends it at once
const ANSWER_MS = 2_000;

interface EnderOptions {
  bus: NodeBus;
  /** Ends a session of this node; `false`: it is not here. */
  end: (sid: SessionId, options: EndOptions) => boolean;
}

/** Makes what an administrator ends sessions with, on whichever node they are. `false`: there is no such session. */
export function createEnder({ bus, end }: EnderOptions): (sid: SessionId) => Promise<boolean> {
  const endHere = (sid: unknown): boolean => end(sid as SessionId, { code: "session/ended" });
  bus.onAsk(TOPIC, endHere);
  return async (sid) => {
    if (endHere(sid)) return true;
    const { answers, isComplete } = await bus.ask({ session: sid }, TOPIC, sid, { timeoutMs: ANSWER_MS });
    return answers.includes(true) || !isComplete;
  };
}
