/**
 * The rooms that this node holds in the fleet: those with a member here, and those that had one until lately, whose
 * events wait in this node's inbox for a client that comes back.
 */
import process from "node:process";
import type { Position } from "./position.ts";

/** Options of {@linkcode createRoutes}. */
interface RoutesOptions {
  /** Tells the fleet that this node holds rooms; with a mark, resolves with a place after which it has their events. */
  write: (rooms: readonly string[], options: { marks: boolean }) => Promise<Position | null>;
  /** The fleet knows at last of rooms that it could not be told of: their members may have missed something. */
  onLate: (rooms: readonly string[]) => void;
  /** How long a room is held after its last member left, in milliseconds. */
  graceMs: number;
  /** The clock in milliseconds; it never goes back. */
  now?: () => number;
}

/** The rooms of a node. */
export interface Routes {
  has(room: string): boolean;
  /** Takes rooms on; nothing when the fleet knows of all, else resolves when it does or cannot be told. */
  hold(rooms: Iterable<string>): Promise<void> | undefined;
  /** The same; resolves with a place after which this node has all events of the rooms. Rejects without Redis. */
  mark(rooms: readonly string[]): Promise<Position>;
  /** The last member has left. */
  leave(room: string): void;
  /** Rooms that it holds no more, and the next of the others whose time to live is to be renewed. */
  due(): Due;
  /** Whether the fleet was told of that. */
  settle(due: Due, isTold: boolean): void;
  /** Tells the fleet everything again, for it may have forgotten. */
  restore(): Promise<void>;
}

/** What the fleet is to be told of rooms. */
export interface Due {
  gone: readonly string[];
  kept: readonly string[];
}

const SLICE = 500;
// every room comes once in so many calls of `due`, well within its time to live
const RENEWALS = 600;

/** Makes an empty set of rooms. */
export function createRoutes(
  { write, onLate, graceMs, now = () => performance.now() }: RoutesOptions,
): Routes {
  /** With a promise while the fleet is being told. */
  const routes = new Map<string, Promise<unknown> | undefined>();
  /** When those without a member are let go; in that order. */
  const leaving = new Map<string, number>();
  /** Those that the fleet could not be told of. */
  const untold = new Set<string>();
  let fresh: string[] = [];
  let telling: Promise<unknown> | undefined;
  let renewing = routes.keys();

  async function tell(rooms: readonly string[], last: { marks: boolean }): Promise<Position | null> {
    let mark: Position | null = null;
    for (let start = 0; start < rooms.length; start += SLICE) {
      const marks = last.marks && start + SLICE >= rooms.length;
      mark = await write(rooms.slice(start, start + SLICE), { marks });
    }
    return mark;
  }

  async function tellFresh(): Promise<void> {
    const rooms = fresh, told = telling;
    fresh = [];
    telling = undefined;
    try {
      await tell(rooms, { marks: false });
      settle(rooms);
    } catch {
      for (const room of rooms) untold.add(room);
    }
    for (const room of rooms) if (routes.get(room) === told) routes.set(room, undefined);
  }

  function settle(rooms: readonly string[]): void {
    const late = rooms.filter((room) => untold.delete(room));
    if (late.length > 0) onLate(late);
  }

  return {
    has: (room) => routes.has(room),
    hold(rooms) {
      const open = new Set<Promise<unknown>>();
      for (const room of rooms) {
        leaving.delete(room);
        if (!routes.has(room) || untold.has(room) && routes.get(room) === undefined) {
          // what one turn of the event loop adds is told in one step
          telling ??= new Promise((resolve) => process.nextTick(() => resolve(tellFresh())));
          fresh.push(room);
          routes.set(room, telling);
        }
        const written = routes.get(room);
        if (written !== undefined) open.add(written);
      }
      return open.size > 0 ? Promise.all(open).then(() => {}) : undefined;
    },
    async mark(rooms) {
      for (const room of rooms) {
        leaving.delete(room);
        if (!routes.has(room)) routes.set(room, undefined);
      }
      try {
        const mark = await tell(rooms, { marks: true });
        settle(rooms);
        return mark!;
      } catch (error) {
        for (const room of rooms) untold.add(room);
        throw error;
      }
    },
    leave(room) {
      leaving.delete(room);
      if (routes.has(room)) leaving.set(room, now() + graceMs);
    },
    due() {
      const gone: string[] = [], kept: string[] = [...untold].slice(0, SLICE);
      for (const [room, at] of leaving) {
        if (at > now() || gone.length === SLICE) break;
        leaving.delete(room);
        routes.delete(room);
        untold.delete(room);
        gone.push(room);
      }
      for (let left = Math.ceil(routes.size / RENEWALS); left > 0;) {
        const { value: room, done } = renewing.next();
        if (done) renewing = routes.keys();
        else left = kept.push(room) < 2 * SLICE ? left - 1 : 0;
      }
      return { gone, kept };
    },
    settle({ gone, kept }, isTold) {
      if (isTold) return settle(kept);
      for (const room of gone) {
        if (routes.has(room)) continue;
        routes.set(room, undefined);
        untold.add(room);
        leaving.set(room, now() + graceMs);
      }
    },
    async restore() {
      const rooms = [...routes.keys()];
      await tell(rooms, { marks: false });
      settle(rooms);
    },
  };
}
