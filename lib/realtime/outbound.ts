/**
 * What a back end sends into open pages: events to users, channels and sessions, and calls that wait for one
 * session's answer, wherever in the fleet that session is (contract §6).
 */
import { ProtocolError } from "../protocol/codes.ts";
import type { ChatEvent } from "../protocol/events.ts";
import { type SessionId, sessionId } from "../protocol/ids.ts";
import type { Bodies } from "../protocol/payloads.ts";
import { channelRoom, userRoom } from "../protocol/rooms.ts";
import type { SessionStore } from "../session/store.ts";
import type { Bus } from "./bus.ts";
import type { LiveSession, TetherServer } from "./types.ts";

const CALL = "call", ANSWER = "call:answer";
/** How many calls may wait for other nodes at once. */
const MAX_PENDING_CALLS = 10_000;
// what an owner may be later than the caller's own clock
const GRACE_MS = 1000;

/** Whom an event is for: exactly one of the three. */
export type Recipients = Bodies["POST /api/events"]["to"];

/** Options of {@linkcode Outbound.call}. */
export interface CallOptions {
  /** Milliseconds until the call fails with `timeout`. */
  timeoutMs: number;
}

/** How a call ended. */
export type CallResult = { kind: "answer"; answer: unknown } | { kind: "gone" } | { kind: "timeout" };

/** Sends into open pages. */
export interface Outbound {
  /** Emits `events`; answers how many sessions it was addressed to. */
  emit(to: Recipients, event: ChatEvent): Promise<number>;
  /** Emits `events` to one session and waits for its acknowledgement. */
  call(sid: SessionId, event: ChatEvent, options: CallOptions): Promise<CallResult>;
}

/** Options of {@linkcode createOutbound}. */
export interface OutboundOptions {
  io: TetherServer;
  bus: Bus;
  nodeId: string;
  /** The sessions of this node. */
  live: ReadonlyMap<string, LiveSession>;
  /** The sessions of the fleet. */
  store: SessionStore;
  /** Events that no connection would take are never sent, or published. */
  maxPayloadBytes: number;
}

interface RemoteCall {
  id: string;
  from: string;
  sid: string;
  event: ChatEvent;
  timeoutMs: number;
}

/** Makes the sender. */
export function createOutbound({ io, bus, nodeId, live, store, maxPayloadBytes }: OutboundOptions): Outbound {
  const pending = new Map<string, (result: CallResult) => void>();

  function requireSize(event: ChatEvent): void {
    if (new TextEncoder().encode(JSON.stringify(event)).length > maxPayloadBytes) {
      throw new ProtocolError("request/too-large", `An event may have ${maxPayloadBytes} bytes.`);
    }
  }

  /** Calls a session of this node; its end before the answer ends the call. */
  function callLocal(
    { socket }: LiveSession,
    event: ChatEvent,
    { timeoutMs }: CallOptions,
  ): Promise<CallResult> {
    return new Promise((resolve) => {
      const onGone = (): void => resolve({ kind: "gone" });
      socket.once("disconnect", onGone);
      // typed as an event without an answer, which it also is
      const call = socket.timeout(timeoutMs) as unknown as {
        emit(name: "events", event: ChatEvent, done: (error: Error | null, answer: unknown) => void): void;
      };
      call.emit("events", event, (error, answer) => {
        socket.off("disconnect", onGone);
        resolve(error === null ? { kind: "answer", answer } : { kind: "timeout" });
      });
    });
  }

  function callRemote(sid: SessionId, event: ChatEvent, { timeoutMs }: CallOptions): Promise<CallResult> {
    if (pending.size >= MAX_PENDING_CALLS) {
      throw new ProtocolError("server/unavailable", "Too many calls wait.");
    }
    return new Promise((resolve) => {
      const id = crypto.randomUUID();
      const settle = (result: CallResult): void => {
        clearTimeout(timer);
        pending.delete(id);
        resolve(result);
      };
      const timer = setTimeout(() => settle({ kind: "timeout" }), timeoutMs + GRACE_MS);
      pending.set(id, settle);
      bus.publish(CALL, { id, from: nodeId, sid, event, timeoutMs } satisfies RemoteCall);
    });
  }

  bus.on(CALL, (message) => {
    const { id, from, sid, event, timeoutMs } = message as RemoteCall;
    const session = live.get(sid);
    if (session === undefined) return;
    void callLocal(session, event, { timeoutMs }).then((result) =>
      bus.publish(ANSWER, { id, to: from, result })
    );
  });
  bus.on(ANSWER, (message) => {
    const { id, to, result } = message as { id: string; to: string; result: CallResult };
    if (to === nodeId) pending.get(id)?.(result);
  });

  async function sessionsIn({ userIds, channelId, sessionId: sid }: Recipients): Promise<number> {
    if (userIds !== undefined) {
      const counts = await Promise.all(userIds.map((id) => store.countOfUser(id)));
      return counts.reduce((sum, count) => sum + count, 0);
    }
    if (sid !== undefined) return live.has(sid) || await store.get(sid) !== undefined ? 1 : 0;
    return (await io.in(channelRoom(channelId!)).fetchSockets()).length;
  }

  return {
    async emit(to, event) {
      requireSize(event);
      const rooms = to.userIds?.map(userRoom) ??
        (to.channelId ? [channelRoom(to.channelId)] : [to.sessionId!]);
      const count = await sessionsIn(to);
      if (count > 0) io.to(rooms).emit("events", event);
      return count;
    },
    async call(sid, event, options) {
      requireSize(event);
      const session = live.get(sid);
      if (session !== undefined) return await callLocal(session, event, options);
      const record = await store.get(sessionId(sid));
      return record === undefined || record.nodeId === nodeId
        ? { kind: "gone" }
        : await callRemote(sid, event, options);
    },
  };
}
