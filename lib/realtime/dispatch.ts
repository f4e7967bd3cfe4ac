/**
 * Takes every client event of a socket to its handler and its answer back (contract §3). One listener serves all
 * sockets, so that an idle connection costs no closures, and an unknown name gets its code.
 */
import type { Log } from "../log.ts";
import type { Metrics } from "../metrics.ts";
import { ProtocolError, toWireError } from "../protocol/codes.ts";
import { isParsedEvent, parsePayload } from "../protocol/payloads.ts";
import {
  emitLocal,
  type EventHandlers,
  type HandlerResult,
  type LiveSession,
  type TetherSocket,
} from "./types.ts";

/** Options of {@linkcode createDispatch}. */
export interface DispatchOptions {
  /** The subjects' handlers. */
  handlers: readonly EventHandlers[];
  /** The session that a socket carries. */
  sessionOf: (socket: TetherSocket) => LiveSession | undefined;
  log: Log;
  metrics: Metrics;
}

// each handler is called only with what the schema of its own event made
type Handler = (session: LiveSession, payload: unknown) => HandlerResult;
type Answer = (answer: unknown) => void;

/** Makes the listener for `socket.onAny`; Socket.IO calls it with the socket as `this`. */
export function createDispatch(
  { handlers, sessionOf, log, metrics }: DispatchOptions,
): (this: TetherSocket, event: string, ...args: unknown[]) => void {
  const table = new Map(handlers.flatMap((subject) => Object.entries(subject))) as Map<string, Handler>;

  function fail(
    socket: TetherSocket,
    { event, answer, error }: { event: string; answer?: Answer; error: unknown },
  ): void {
    const wire = toWireError(error);
    metrics.failedEvents.inc({ code: wire.code });
    if (!(error instanceof ProtocolError)) log.error("An event handler failed", { event, error });
    if (answer !== undefined) answer({ ok: false, error: wire });
    else emitLocal(socket, "error", { event, code: wire.code, message: wire.message });
  }

  return function onEvent(event, ...args) {
    const last = args.at(-1);
    const answer = typeof last === "function" ? last as Answer : undefined;
    const session = sessionOf(this);
    // between the end of a session and its disconnection there is nobody to act for
    if (session === undefined) return;
    try {
      const waitMs = session.limiter.take();
      if (waitMs > 0) throw new ProtocolError("request/rate-limited", undefined, { retryAfterMs: waitMs });
      const handler = table.get(event);
      if (handler === undefined || !isParsedEvent(event)) throw new ProtocolError("request/unknown-event");
      const result = handler(session, parsePayload(event, args[0] === answer ? undefined : args[0]));
      if (result instanceof Promise) {
        result.then(
          (fields) => answer?.({ ok: true, ...fields }),
          (error) => fail(this, { event, answer, error }),
        );
      } else answer?.({ ok: true, ...result });
    } catch (error) {
      fail(this, { event: String(event), answer, error });
    }
  };
}
