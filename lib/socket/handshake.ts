/**
 * The Socket.IO middleware that lets a connection become a session (contract §1): load, token, revocation, cap.
 * It refuses by throwing; what a refused client is told is a code, an action and when to come back.
 */
import process from "node:process";
import type { Identity } from "../auth/claims.ts";
import type { Log } from "../log.ts";
import type { Metrics } from "../metrics.ts";
import { actionOf, ProtocolError, toWireError } from "../protocol/codes.ts";
import { PROTOCOL_VERSION, type Refusal } from "../protocol/events.ts";
import type { Admission } from "./admission.ts";
import type { TetherSocket } from "./types.ts";

interface HandshakeOptions {
  admission: Admission;
  /** Verifies a token that came from `address`; throws an `auth/*` code, or one of `admission/*`. */
  authenticate: (token: unknown, address: string) => Promise<Identity>;
  /** Records the session; throws when it may not be. */
  admit: (socket: TetherSocket, identity: Identity) => Promise<void>;
  /** Undoes `admit` for a connection that was gone before it became a session. */
  release: (socket: TetherSocket) => void;
  log: Log;
  metrics: Metrics;
}

/** So often a handshake may be tried on one connection: who brings no good token then begins anew. */
const MAX_REFUSALS = 3;

/** The error class that Socket.IO turns into CONNECT_ERROR `{ message, data }`. */
class RefusedError extends Error {
  readonly data: Refusal;

  constructor(message: string, data: Refusal) {
    super(message);
    this.data = data;
  }
}

/** For `io.use`. */
export function createHandshake(
  { admission, authenticate, admit, release, log, metrics }: HandshakeOptions,
): (socket: TetherSocket, next: (error?: Error) => void) => Promise<void> {
  const pending = new WeakSet<object>();
  const refusals = new WeakMap<object, number>();
  return async function handshake(socket, next) {
    const { conn } = socket;
    // Socket.IO allows one session a connection, but sees only those that are complete
    if (pending.has(conn)) {
      conn.close();
      return next(new Error("Two handshakes at once"));
    }
    pending.add(conn);
    try {
      admission.check();
      const { auth, address } = socket.handshake;
      const identity = await authenticate(auth.token, address);
      admission.take(identity.user.id);
      await admit(socket, identity);
      metrics.handshakes.inc({ code: "ok" });
      next();
      // Socket.IO drops a connection that is gone by the next tick without a word
      process.nextTick(() => {
        if (!socket.connected) release(socket);
      });
    } catch (error) {
      const { code, message, retryAfterMs } = toWireError(error);
      if (!(error instanceof ProtocolError)) log.error("A handshake failed", { error });
      metrics.handshakes.inc({ code });
      const action = actionOf(code) ?? "stop";
      // for an ordinary client a CONNECT_ERROR is final; after its transport closed it tries again by itself
      if (action === "retry" && socket.handshake.auth.protocol !== PROTOCOL_VERSION) conn.close(true);
      next(
        new RefusedError(
          message,
          retryAfterMs === undefined ? { code, action } : { code, action, retryAfterMs },
        ),
      );
      const count = (refusals.get(conn) ?? 0) + 1;
      refusals.set(conn, count);
      // after the answer, which goes out in the next tick
      if (count === MAX_REFUSALS) process.nextTick(() => conn.close());
    } finally {
      // only then it is complete
      process.nextTick(() => pending.delete(conn));
    }
  };
}
