/**
 * What must have been heard: who was in which room when, what was sent to it, and what each session got. It knows
 * nothing of how events travel; times are those of the test's own clock.
 */

/** An event that was sent, or that may have been. */
export interface Sent {
  id: number;
  sender: string;
  room: string;
  startedAt: number;
  /** When its sender had the answer. */
  doneAt: number;
  /** Its sender was told that it is sent, and the sender's node did not die then. */
  isCertain: boolean;
  /** Its place among those of other senders is the same for all: not when its node did without Redis. */
  isOrdered: boolean;
}

/** One session, over all its connections: what it is a member of, and what it heard. */
export interface Life {
  readonly name: string;
  readonly heard: { id: number; at: number }[];
  /** Its client was told that it could not be recovered, or that it may be missing something. */
  mayMiss: boolean;
  /** From `at` on it is `membership` of the room. */
  set(room: string, membership: Membership, at: number): void;
  /** Whether it was `membership` all the time. */
  was(membership: Membership, room: string, during: { from: number; to: number }): boolean;
}

/** `unsure` while a change is under way. */
export type Membership = "in" | "out" | "unsure";

/** How long what was sent may be under way, in milliseconds. */
export const UNDER_WAY_MS = 500;

/** Begins a session that is in no room. */
export function createLife(name: string): Life {
  const rooms = new Map<string, { membership: Membership; at: number }[]>();
  return {
    name,
    heard: [],
    mayMiss: false,
    set(room, membership, at) {
      const changes = rooms.get(room) ?? [];
      // a change can be dated back: what was thought of the time since does not hold
      rooms.set(room, [...changes.filter((change) => change.at < at), { membership, at }]);
    },
    was(membership, room, { from, to }) {
      const changes = rooms.get(room) ?? [];
      const first = changes.findLast(({ at }) => at <= from)?.membership ?? "out";
      const later = changes.filter(({ at }) => at > from && at <= to);
      return [first, ...later.map(({ membership }) => membership)].every((was) => was === membership);
    },
  };
}

/** The events that `life` must have heard and has not. */
export function missingOf(life: Life, sent: readonly Sent[]): Sent[] {
  if (life.mayMiss) return [];
  const heard = new Set(life.heard.map(({ id }) => id));
  return sent.filter(({ id, room, isCertain, startedAt, doneAt }) =>
    isCertain && !heard.has(id) && life.was("in", room, { from: startedAt, to: doneAt + UNDER_WAY_MS })
  );
}

/** What is wrong with what `life` heard, in words. */
export function faultsOf(life: Life, sent: readonly Sent[]): string[] {
  const events = new Map(sent.map((event) => [event.id, event]));
  const faults = missingOf(life, sent).map((event) => `missed ${nameOf(event)}`);
  const seen = new Set<number>();
  const last = new Map<string, number>();
  for (const { id, at } of life.heard) {
    const event = events.get(id);
    if (event === undefined) {
      faults.push(`heard ${id} of another schedule`);
      continue;
    }
    if (seen.has(id)) faults.push(`heard ${nameOf(event)} twice`);
    seen.add(id);
    const way = `${event.sender} ${event.room}`;
    if (id < (last.get(way) ?? -1)) faults.push(`heard ${nameOf(event)} after ${last.get(way)}`);
    last.set(way, Math.max(id, last.get(way) ?? -1));
    if (life.was("out", event.room, { from: event.startedAt, to: at })) {
      faults.push(`heard ${nameOf(event)} as a stranger`);
    }
  }
  return faults.map((fault) => `${life.name} ${fault}`);
}

/** Events of one room that two sessions heard in different orders, in words. */
export function disorderOf(lives: readonly Life[], sent: readonly Sent[]): string[] {
  const rooms = new Map(sent.filter(({ isOrdered }) => isOrdered).map(({ id, room }) => [id, room]));
  const faults: string[] = [];
  for (const [index, one] of lives.entries()) {
    for (const other of lives.slice(index + 1)) {
      const places = new Map(other.heard.map(({ id }, place) => [id, place]));
      const last = new Map<string, number>();
      for (const { id } of one.heard) {
        const room = rooms.get(id), place = places.get(id);
        if (room === undefined || place === undefined) continue;
        const before = last.get(room);
        if (before !== undefined && places.get(before)! > place) {
          faults.push(`${one.name} heard ${before} before ${id}, ${other.name} the other way round`);
        }
        last.set(room, id);
      }
    }
  }
  return faults;
}

function nameOf({ id, sender, room }: Sent): string {
  return `${id} from ${sender} to ${room}`;
}
