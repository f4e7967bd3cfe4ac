/** Takes every client event to its handler and its answer back (contract §3); an unknown name gets its code. */
import type { Log } from "../log.ts";
import type { Metrics } from "../metrics.ts";
import { ProtocolError, toWireError } from "../protocol/codes.ts";
import { isParsedEvent, parsePayload } from "../protocol/payloads.ts";
import { emitLocal, type EventHandlers, type HandlerResult, type LiveSession } from "./types.ts";

/** Options of {@linkcode createDispatch}. */
export interface DispatchOptions {
  /** The subjects' handlers. */
  handlers: readonly EventHandlers[];
  /** An event of the session was refused because it sends too many. `true`: it is over, and gets no answer. */
  refused: (session: LiveSession) => boolean;
  log: Log;
  metrics: Metrics;
}

// each handler is called only with what the schema of its own event made
type Handler = (session: LiveSession, payload: unknown) => HandlerResult;

/** Sends the answer to an event. */
export type Answer = (answer: unknown) => void;

/** An event as it came. */
export interface Incoming {
  name: unknown;
  payload: unknown;
  /** Absent when the client wants no answer. */
  answer?: Answer | undefined;
}

/** Handles an event of a session. */
export type Dispatch = (session: LiveSession, event: Incoming) => void;

interface Failure {
  event: string;
  answer: Answer | undefined;
  error: unknown;
}

/** Makes the function that every event goes through. */
export function createDispatch({ handlers, refused, log, metrics }: DispatchOptions): Dispatch {
  const table = new Map(handlers.flatMap((subject) => Object.entries(subject))) as Map<string, Handler>;

  function fail({ socket }: LiveSession, { event, answer, error }: Failure): void {
    const wire = toWireError(error);
    metrics.failedEvents.inc({ code: wire.code });
    if (!(error instanceof ProtocolError)) log.error("An event handler failed", { event, error });
    if (answer !== undefined) answer({ ok: false, error: wire });
    else emitLocal(socket, "error", { event, code: wire.code, message: wire.message });
  }

  return function dispatch(session, { name, payload, answer }) {
    // Socket.IO lets any JSON be a name
    const event = String(name);
    try {
      const waitMs = session.limiter.take();
      if (waitMs > 0) {
        if (refused(session)) return;
        throw new ProtocolError("request/rate-limited", undefined, { retryAfterMs: waitMs });
      }
      const handler = table.get(event);
      if (handler === undefined || !isParsedEvent(event)) throw new ProtocolError("request/unknown-event");
      const result = handler(session, parsePayload(event, payload));
      if (result instanceof Promise) {
        result.then(
          (fields) => answer?.({ ok: true, ...fields }),
          (error) => fail(session, { event, answer, error }),
        );
      } else answer?.({ ok: true, ...result });
    } catch (error) {
      fail(session, { event, answer, error });
    }
  };
}
