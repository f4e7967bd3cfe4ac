/**
 * Calls: an event to one session and the wait for its answer, wherever in the fleet the session is (contract §6).
 * A call ends with the answer, with the session, or with its time; and every one of them ends.
 */
import { ProtocolError } from "../protocol/codes.ts";
import type { ChatEvent } from "../protocol/events.ts";
import type { SessionId } from "../protocol/ids.ts";
import { jsonFault } from "../protocol/fields.ts";
import type { NodeBus } from "../eventlog/node_bus.ts";
import type { LiveSession } from "./types.ts";

/** How many calls may wait at once, on this node and for one session. */
const MAX_CALLS = 10_000, MAX_CALLS_OF_SESSION = 100;
const TOPIC = "call";
// what the owner of a session may be later than the caller's own clock
const GRACE_MS = 1_000;
// a session may move to another node while it is looked for
const MAX_MOVES = 3;

interface CallOptions {
  /** Milliseconds until the call fails. */
  timeoutMs: number;
}

/** The calls that wait. */
export interface Calls {
  /**
   * Emits `events` to one session and resolves with what its client acknowledges, `null` when that is nothing.
   *
   * @throws {ProtocolError} `access/not-found` at once when the session is gone, `request/timeout`,
   * `request/bad-answer`, or `request/rate-limited` when too many calls wait already
   */
  call(sid: SessionId, event: ChatEvent, options: CallOptions): Promise<unknown>;
  /** A session of this node is gone, and its calls with it. */
  end(sid: SessionId): void;
}

export interface CallsOptions {
  bus: NodeBus;
  /** The sessions of this node. */
  live: ReadonlyMap<string, LiveSession>;
}

/** How a call went on its way: `elsewhere` when the node that was asked does not have the session. */
type Outcome =
  | { kind: "answer"; answer: unknown }
  | { kind: "gone" | "timeout" | "bad-answer" | "full" | "elsewhere" };

interface Question {
  sid: SessionId;
  event: ChatEvent;
  timeoutMs: number;
}

export function createCalls({ bus, live }: CallsOptions): Calls {
  const ofSession = new Map<SessionId, Set<(outcome: Outcome) => void>>();
  let local = 0, remote = 0;

  function callLocal({ sid, socket }: LiveSession, event: ChatEvent, timeoutMs: number): Promise<Outcome> {
    const waiting = ofSession.get(sid) ?? new Set();
    if (local >= MAX_CALLS || waiting.size >= MAX_CALLS_OF_SESSION) {
      return Promise.resolve({ kind: "full" });
    }
    ofSession.set(sid, waiting);
    local++;
    return new Promise((resolve) => {
      waiting.add(resolve);
      // typed as an event without an answer, which it also is
      const call = socket.timeout(timeoutMs) as unknown as {
        emit(name: "events", event: ChatEvent, done: (error: Error | null, answer: unknown) => void): void;
      };
      // called exactly once, also after the session's end: until then the call holds memory, and counts
      call.emit("events", event, (error, answer) => {
        local--;
        waiting.delete(resolve);
        if (waiting.size === 0 && ofSession.get(sid) === waiting) ofSession.delete(sid);
        resolve(error === null ? answered(answer) : { kind: "timeout" });
      });
    });
  }

  async function callRemote(question: Question): Promise<Outcome> {
    if (remote >= MAX_CALLS) return { kind: "full" };
    remote++;
    try {
      const { sid, timeoutMs } = question;
      const how = { timeoutMs: timeoutMs + GRACE_MS };
      const { answers: [outcome], isComplete } = await bus.ask({ session: sid }, TOPIC, question, how);
      return outcome as Outcome | undefined ?? { kind: isComplete ? "gone" : "timeout" };
    } finally {
      remote--;
    }
  }

  bus.onAsk(TOPIC, (question) => {
    const { sid, event, timeoutMs } = question as Question;
    const session = live.get(sid);
    return session === undefined ? { kind: "elsewhere" } : callLocal(session, event, timeoutMs);
  });

  async function find(sid: SessionId, event: ChatEvent, timeoutMs: number): Promise<Outcome> {
    for (let move = 0; move < MAX_MOVES; move++) {
      const session = live.get(sid);
      if (session !== undefined) return await callLocal(session, event, timeoutMs);
      const outcome = await callRemote({ sid, event, timeoutMs });
      if (outcome.kind !== "elsewhere") return outcome;
    }
    return { kind: "gone" };
  }

  return {
    async call(sid, event, { timeoutMs }) {
      const outcome = await find(sid, event, timeoutMs);
      switch (outcome.kind) {
        case "answer":
          return outcome.answer;
        case "timeout":
          throw new ProtocolError("request/timeout", `The session did not answer within ${timeoutMs} ms.`);
        case "bad-answer":
          throw new ProtocolError("request/bad-answer");
        case "full":
          throw new ProtocolError("request/rate-limited", "Too many calls wait.", { retryAfterMs: 1000 });
        default:
          throw new ProtocolError("access/not-found", "There is no such session.");
      }
    },
    end(sid) {
      for (const settle of ofSession.get(sid) ?? []) settle({ kind: "gone" });
      ofSession.delete(sid);
    },
  };
}

/** A client may answer anything; a back end gets plain JSON. */
function answered(answer: unknown = null): Outcome {
  return jsonFault(answer) === undefined ? { kind: "answer", answer } : { kind: "bad-answer" };
}
