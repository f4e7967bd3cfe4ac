/** Ends sessions in words: `session:end` with a code, then the disconnection (contract §2). */
import { type Action, actionOf, type Code, CODES } from "../protocol/codes.ts";
import type { SessionEnd } from "../protocol/events.ts";
import { emitLocal, type TetherSocket } from "./types.ts";

/** The codes that end a live session. */
export type EndCode = Extract<
  Code,
  "session/expired" | "session/revoked" | "session/ended" | "session/slow" | "server/draining"
>;

/** Options of {@linkcode endSession}. */
export interface EndOptions {
  code: EndCode;
  /** Milliseconds before which the client must not come back. */
  retryAfterMs?: number;
}

/** The payload of `session:end` for `code`. */
export function sessionEnd({ code, retryAfterMs }: EndOptions): SessionEnd {
  const end = { code, action: actionOf(code) as Action, message: CODES[code].message };
  return retryAfterMs === undefined ? end : { ...end, retryAfterMs };
}

/** Tells the client why, and disconnects it. */
export function endSession(socket: TetherSocket, options: EndOptions): void {
  emitLocal(socket, "session:end", sessionEnd(options));
  socket.disconnect(true);
}
