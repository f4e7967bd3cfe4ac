/**
 * Calls: an event to one session and the wait for its answer, wherever in the fleet the session is (contract §6).
 * A call ends with the answer, with the session, or with its time; and every one of them ends.
 */
import { ProtocolError } from "../protocol/codes.ts";
import type { ChatEvent } from "../protocol/events.ts";
import type { SessionId } from "../protocol/ids.ts";
import { jsonFault } from "../protocol/fields.ts";
import type { Roster } from "../roster/roster.ts";
import type { Bus } from "../eventlog/node_bus.ts";
import type { LiveSession } from "./types.ts";

/** How many calls may wait at once, on this node and for one session. */
const MAX_CALLS = 10_000, MAX_CALLS_OF_SESSION = 100;
const CALL = "call", ANSWER = "call:answer", CLEARED = "call:cleared";
/** A node that does not take a call within this time does not live. */
const TAKEN_WITHIN_MS = 2_000;
// what the owner of a session may be later than the caller's own clock
const GRACE_MS = 1_000;
// a session may move to another node while it is looked for
const MAX_MOVES = 3;

/** Options of {@linkcode Calls.call}. */
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
  /** Sessions of a node that is dead are gone, and the calls of all other nodes with them. */
  cleared(sids: readonly SessionId[]): void;
}

/** Options of {@linkcode createCalls}. */
export interface CallsOptions {
  bus: Bus;
  nodeId: string;
  /** The sessions of this node. */
  live: ReadonlyMap<string, LiveSession>;
  roster: Roster;
}

/** How a call went on its way: `elsewhere` when the node that was asked does not have the session. */
type Outcome =
  | { kind: "answer"; answer: unknown }
  | { kind: "gone" | "timeout" | "bad-answer" | "full" | "elsewhere" };

interface RemoteCall {
  id: string;
  from: string;
  to: string;
  sid: SessionId;
  event: ChatEvent;
  timeoutMs: number;
}

interface RemoteAnswer {
  id: string;
  to: string;
  /** `taken` while the session is being asked. */
  outcome: Outcome | { kind: "taken" };
}

interface Waiting {
  sid: SessionId;
  settle(outcome: Outcome): void;
  taken(): void;
}

/** Makes the caller. */
export function createCalls({ bus, nodeId, live, roster }: CallsOptions): Calls {
  const ofSession = new Map<SessionId, Set<(outcome: Outcome) => void>>();
  const remote = new Map<string, Waiting>();
  let local = 0;

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

  function callRemote(call: Omit<RemoteCall, "id" | "from">): Promise<Outcome> {
    if (remote.size >= MAX_CALLS) return Promise.resolve({ kind: "full" });
    return new Promise((resolve) => {
      const id = crypto.randomUUID();
      const settle = (outcome: Outcome): void => {
        clearTimeout(untaken);
        clearTimeout(timer);
        remote.delete(id);
        resolve(outcome);
      };
      const untaken = setTimeout(() => settle({ kind: "gone" }), TAKEN_WITHIN_MS);
      const timer = setTimeout(() => settle({ kind: "timeout" }), call.timeoutMs + GRACE_MS);
      remote.set(id, { sid: call.sid, settle, taken: () => clearTimeout(untaken) });
      bus.publish(CALL, { id, from: nodeId, ...call } satisfies RemoteCall);
    });
  }

  function settleCleared(sids: readonly SessionId[]): void {
    const gone = new Set(sids);
    for (const { sid, settle } of remote.values()) if (gone.has(sid)) settle({ kind: "gone" });
  }

  bus.on(CLEARED, (sids) => settleCleared(sids as SessionId[]));
  bus.on(CALL, (message) => {
    const { id, from, to, sid, event, timeoutMs } = Object(message) as RemoteCall;
    if (to !== nodeId) return;
    const reply = (outcome: RemoteAnswer["outcome"]): void =>
      bus.publish(ANSWER, { id, to: from, outcome } satisfies RemoteAnswer);
    const session = live.get(sid);
    if (session === undefined) return reply({ kind: "elsewhere" });
    reply({ kind: "taken" });
    void callLocal(session, event, timeoutMs).then(reply);
  });
  bus.on(ANSWER, (message) => {
    const { id, to, outcome } = Object(message) as RemoteAnswer;
    if (to !== nodeId) return;
    if (outcome.kind === "taken") remote.get(id)?.taken();
    else remote.get(id)?.settle(outcome);
  });

  async function find(sid: SessionId, event: ChatEvent, timeoutMs: number): Promise<Outcome> {
    for (let move = 0; move < MAX_MOVES; move++) {
      const session = live.get(sid);
      if (session !== undefined) return await callLocal(session, event, timeoutMs);
      const record = await roster.get(sid);
      if (record === undefined || record.nodeId === nodeId) break;
      const outcome = await callRemote({ to: record.nodeId, sid, event, timeoutMs });
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
    cleared(sids) {
      settleCleared(sids);
      bus.publish(CLEARED, sids);
    },
  };
}

/** A client may answer anything; a back end gets plain JSON. */
function answered(answer: unknown = null): Outcome {
  return jsonFault(answer) === undefined ? { kind: "answer", answer } : { kind: "bad-answer" };
}
