/**
 * Takes every client event of a socket to its handler and its answer back (contract §3). It takes them before Socket.IO
 * looks for listeners: there are none, an unknown name gets its code, and an event costs no turn of the event loop.
 */
import type { Log } from "../log.ts";
import type { Metrics } from "../metrics.ts";
import { ProtocolError, toWireError } from "../protocol/codes.ts";
import { isParsedEvent, parsePayload } from "../protocol/payloads.ts";
import type { EventHandlers, HandlerResult, LiveSession } from "./types.ts";

/** Options of {@linkcode createDispatch}. */
export interface DispatchOptions {
  /** The subjects' handlers. */
  handlers: readonly EventHandlers[];
  log: Log;
  metrics: Metrics;
}

// each handler is called only with what the schema of its own event made
type Handler = (session: LiveSession, payload: unknown) => HandlerResult;
type Answer = (answer: unknown) => void;

interface Failure {
  event: string;
  answer: Answer | undefined;
  error: unknown;
}

/** Makes the function that handles an event of a session: its name, its arguments, and the answer if one is wanted. */
export function createDispatch(
  { handlers, log, metrics }: DispatchOptions,
): (session: LiveSession, event: readonly unknown[]) => void {
  const table = new Map(handlers.flatMap((subject) => Object.entries(subject))) as Map<string, Handler>;

  function fail({ socket }: LiveSession, { event, answer, error }: Failure): void {
    const wire = toWireError(error);
    metrics.failedEvents.inc({ code: wire.code });
    if (!(error instanceof ProtocolError)) log.error("An event handler failed", { event, error });
    if (answer !== undefined) answer({ ok: false, error: wire });
    else socket.emit("error", { event, code: wire.code, message: wire.message });
  }

  return function dispatch(session, [name, ...args]) {
    const last = args.at(-1);
    const answer = typeof last === "function" ? last as Answer : undefined;
    // Socket.IO lets any JSON be a name
    const event = String(name);
    try {
      const waitMs = session.limiter.take();
      if (waitMs > 0) throw new ProtocolError("request/rate-limited", undefined, { retryAfterMs: waitMs });
      const handler = table.get(event);
      if (handler === undefined || !isParsedEvent(event)) throw new ProtocolError("request/unknown-event");
      const result = handler(session, parsePayload(event, args[0] === answer ? undefined : args[0]));
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
