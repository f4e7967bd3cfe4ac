/**
 * Takes sessions up again in a fleet, wherever they were. What a session missed is what went to its rooms after its
 * client's position: up to a mark it is in the inbox of the node that had it, dead or not; from the mark on in this
 * node's own.
 */
import { ProtocolError } from "../protocol/codes.ts";
import type { Log } from "../log.ts";
import { type Delivery, type Frames, withPosition } from "./delivery.ts";
import type { FleetAdapter } from "./fleet_adapter.ts";
import type { FleetStore } from "./fleet_store.ts";
import type { Inbox } from "./inbox.ts";
import type { InboxHistory, PastEvent } from "./inbox_history.ts";
import type { NodeBus } from "./node_bus.ts";
import { aheadOf, comparePositions, isPosition, type Position, timeOf } from "./position.ts";
import { type Claim, isFor, missedSince, type RecoverableSession, type Recovery } from "./recovery.ts";
import { type Restored, roomsOf, type Start } from "./recovery.ts";
import type { Routes } from "./routes.ts";

/** The recovery, and the way in for changes. */
interface FleetRecovery extends Recovery {
  /** The rooms of an open session have changed. */
  changed(session: RecoverableSession): void;
}

/** Options of {@linkcode createFleetRecovery}. */
interface FleetRecoveryOptions {
  nodeId: string;
  store: FleetStore;
  history: InboxHistory;
  inbox: Inbox;
  routes: Routes;
  /** Reads what is kept under a private id, by whichever node. */
  readSaved: (pid: string) => Promise<string | undefined>;
  bus: NodeBus;
  adapter: () => FleetAdapter;
  /** Where this node is, as clients get it. */
  position: () => Position | undefined;
  /** The longest time that a packet to a dead connection can have been under way, in milliseconds. */
  inFlightMs: number;
  log: Log;
}

interface Saved extends RecoverableSession {
  nodeId: string;
  /** When its connection was lost, or nothing while it is open: epoch milliseconds of Redis. */
  lostAt?: number | undefined;
}

const TOPIC = "takeover";
const PRIVATE_ID = /^[\w-]{1,64}$/;
// an owner that has heard of it closes the connection at once
const ANSWER_MS = 250;
const MAX_INBOXES = 8;
// by then what is kept of a lost session has been written
const LOST_MS = 5_000;

/** Makes the recovery. */
export function createFleetRecovery(options: FleetRecoveryOptions): FleetRecovery {
  const { nodeId, store, history, inbox, routes, readSaved, bus, adapter, position, inFlightMs, log } =
    options;
  /** Those of this node, the latest last. */
  const lost = new Map<string, { saved: Saved; at: number }>();
  const restoring = new Set<string>();
  let wanted: Parameters<Recovery["onWanted"]>[0] = () => {};
  let save: Parameters<Recovery["onSave"]>[0] = () => {};

  function savedOf(session: RecoverableSession, lostAt?: number): Saved {
    const { sid, pid, rooms, data } = session;
    const { userId, connectedAt, start, joined, watching } = data;
    const kept = { userId, connectedAt, start, joined: lately(joined) };
    return { sid, pid, rooms, data: lostAt === undefined ? kept : { ...kept, watching }, nodeId, lostAt };
  }

  /** Those of the rooms that were joined when something may still have been under way. */
  function lately(joined: Record<string, Position> = {}): Record<string, Position> {
    const oldest = timeOf(inbox.position) - inFlightMs;
    return Object.fromEntries(Object.entries(joined).filter(([, position]) => timeOf(position) > oldest));
  }

  /** Closes the connection of a session of this node, if it is still open; what is known of the lost one. */
  function putAway(pid: string, start: Start | undefined): Saved | undefined {
    wanted(pid, start);
    return lost.get(pid)?.saved;
  }

  /** What is kept of a session, after it was closed where it is open. */
  async function find({ pid, userId }: Claim): Promise<Saved | undefined> {
    const json = await readSaved(pid);
    if (json === undefined) return undefined;
    const saved: Saved = JSON.parse(json);
    const { data: { userId: owner, start }, lostAt, nodeId: node } = saved;
    if (owner !== userId) throw new ProtocolError("access/denied");
    if (lostAt !== undefined) return saved;
    if (node === nodeId) return putAway(pid, start) ?? saved;
    const { answers: [answer] } = await bus.ask({ node }, TOPIC, { pid, start }, { timeoutMs: ANSWER_MS });
    return answer as Saved | null | undefined ?? saved;
  }

  /** The events that a session may have missed until this node has them all. */
  async function missed(
    { data, nodeId: last }: Saved,
    { since, until }: { since: Position; until: Position },
  ): Promise<PastEvent[] | undefined> {
    const events: PastEvent[] = [];
    let from = since;
    for (const [node, to] of [...data.start!.inboxes, [last, until] as const]) {
      if (comparePositions(to, from) <= 0) continue;
      const part = await history.read(node, { from, to });
      if (part === undefined) return undefined;
      events.push(...part);
      from = to;
    }
    const ahead = aheadOf(since);
    return events.filter(({ sender, number }) => sender !== ahead?.node || number > ahead.number);
  }

  async function takeUp(saved: Saved, offset: Position): Promise<Restored | undefined> {
    const { sid, pid, rooms } = saved, data = { ...saved.data };
    const heardMs = saved.lostAt ?? await store.lastSign(saved.nodeId);
    if (heardMs === undefined) return undefined;
    const since = missedSince(data.start!, { offset, heardMs, inFlightMs });
    const hold = adapter().hold({ sid, pid, rooms, data }, aheadOf(since));
    try {
      const until = await routes.mark([...rooms, sid]);
      const [events, isRead] = await Promise.all([missed(saved, { since, until }), inbox.reached(until)]);
      if (events !== undefined && isRead) {
        const inboxes = [...data.start!.inboxes, [saved.nodeId, until] as const]
          .filter(([, to]) => comparePositions(to, since) > 0).slice(-MAX_INBOXES);
        data.start = { since, at: timeOf(until), inboxes };
        return {
          sid,
          pid,
          rooms,
          data,
          open(current) {
            const later = hold.release()?.filter(({ position }) => comparePositions(position!, until) > 0);
            const before = framesFor(events, roomsOf(saved, current));
            return later &&
              [...before, ...framesFor(later, new Map([...current].map((room) => [room, undefined])))];
          },
          end: hold.end,
        };
      }
    } catch (error) {
      log.debug("A session could not be taken up", { error });
    }
    hold.end();
    return undefined;
  }

  bus.onAsk(TOPIC, (question) => {
    const { pid, start } = question as { pid: string; start: Start };
    return putAway(pid, start);
  });

  return {
    get position() {
      return position();
    },
    describe: (session) => session.data.start && JSON.stringify(savedOf(session)),
    changed(session) {
      save(session.sid, JSON.stringify(savedOf(session)));
    },
    persist(session) {
      if (session.data.start === undefined) return;
      const saved = savedOf(session, timeOf(inbox.position));
      const now = performance.now();
      for (const [pid, { at }] of lost) {
        if (at > now - LOST_MS) break;
        lost.delete(pid);
      }
      lost.set(saved.pid, { saved, at: now });
      save(saved.sid, JSON.stringify(saved));
    },
    isLost: (pid) => lost.has(pid),
    async restore(claim) {
      const { pid, offset } = claim;
      // on one node it is one connection's at a time
      if (!isPosition(offset) || !PRIVATE_ID.test(pid) || restoring.has(pid)) return undefined;
      restoring.add(pid);
      try {
        const saved = await find(claim);
        const restored = saved && await takeUp(saved, offset);
        if (restored !== undefined) lost.delete(pid);
        return restored;
      } catch (error) {
        if (error instanceof ProtocolError && error.code === "access/denied") throw error;
        log.debug("A session could not be asked for", { error });
        return undefined;
      } finally {
        restoring.delete(pid);
      }
    },
    onWanted(listener) {
      wanted = listener;
    },
    onSave(listener) {
      save = listener;
    },
  };
}

function framesFor(events: readonly Delivery[], own: ReadonlyMap<string, Position | undefined>): Frames[] {
  return events.filter((event) => isFor(event as PastEvent, own)).map(({ frames, position }) =>
    withPosition(frames, position!)
  );
}
