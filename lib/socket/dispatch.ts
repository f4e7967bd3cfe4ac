/** Takes every client event to its handler and its answer back (contract §3); an unknown name gets its code. */
import type { Log } from "../log.ts";
import type { Metrics } from "../metrics.ts";
import { CODES, ProtocolError, toWireError, type WireError } from "../protocol/codes.ts";
import { isParsedEvent, parsePayload } from "../protocol/payloads.ts";
import { emitLocal, type EventHandlers, type HandlerResult, type LiveSession } from "./types.ts";

interface DispatchOptions {
  /** The subjects' handlers. */
  handlers: readonly EventHandlers[];
  /** An event of the session was refused because it sends too many. `true`: it is over, and gets no answer. */
  refused: (session: LiveSession) => boolean;
  log: Log;
  metrics: Metrics;
}

const RATE_LIMITED = "request/rate-limited";
// longer than the name of any event that is served
const MAX_NAME_LENGTH = 100;

// each handler is called only with what the schema of its own event made
type Handler = (session: LiveSession, payload: unknown) => HandlerResult;

/** Sends the answer to an event. */
export type Answer = (answer: unknown) => void;

/** An event as it came. */
interface Incoming {
  name: unknown;
  payload: unknown;
  /** Absent when the client wants no answer. */
  answer?: Answer | undefined;
}

/** Handles an event of a session. */
export type Dispatch = (session: LiveSession, event: Incoming) => void;

interface Failure<E> {
  event: string;
  answer: Answer | undefined;
  error: E;
}

/** What every event goes through. */
export function createDispatch({ handlers, refused, log, metrics }: DispatchOptions): Dispatch {
  const table = new Map(handlers.flatMap((subject) => Object.entries(subject))) as Map<string, Handler>;

  function refuse({ socket }: LiveSession, { event, answer, error }: Failure<WireError>): void {
    const { code, message } = error;
    metrics.failedEvents.inc({ code });
    if (answer !== undefined) answer({ ok: false, error });
    else emitLocal(socket, "error", { event, code, message });
  }

  function fail(session: LiveSession, { error, ...failure }: Failure<unknown>): void {
    if (!(error instanceof ProtocolError)) {
      log.error("An event handler failed", { event: failure.event, error });
    }
    refuse(session, { ...failure, error: toWireError(error) });
  }

  return function dispatch(session, { name, payload, answer }) {
    // a number can be a name, too, and so can a megabyte; what is told of it is short
    const event = String(name).slice(0, MAX_NAME_LENGTH);
    try {
      const retryAfterMs = session.limiter.take();
      if (retryAfterMs > 0) {
        // nothing is thrown: a flood is not to cost more than it must
        const error: WireError = { code: RATE_LIMITED, message: CODES[RATE_LIMITED].message, retryAfterMs };
        if (!refused(session)) refuse(session, { event, answer, error });
        return;
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
