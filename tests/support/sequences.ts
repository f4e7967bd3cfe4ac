/** Numbered events of many senders to many rooms, and what a receiver makes of them: each once and in order, or not. */

/** One event: the `n`th that `from` sent to `room`, from 0. */
export interface Numbered {
  from: string;
  room: string;
  n: number;
}

/** Gives out the numbers of what is sent. */
export interface Numbers {
  /** The next event of a sender to a room. */
  next(from: string, room: string): Numbered;
  /** How many each sender sent to `room`. */
  sentTo(room: string): ReadonlyMap<string, number>;
}

/** Begins to count. */
export function createNumbers(): Numbers {
  const rooms = new Map<string, Map<string, number>>();
  return {
    next(from, room) {
      const senders = rooms.get(room) ?? new Map<string, number>();
      rooms.set(room, senders);
      const n = senders.get(from) ?? 0;
      senders.set(from, n + 1);
      return { from, room, n };
    },
    sentTo: (room) => rooms.get(room) ?? new Map(),
  };
}

/** What one receiver got. */
export interface Ledger {
  /** Notes an event; one that is not the next of its sender is a fault. */
  hear(event: Numbered): void;
  /** What came twice, too early or too late, in words. */
  readonly faults: readonly string[];
  /** How many events came. */
  readonly count: number;
  /** How many events of its rooms it has not got yet. */
  missing(numbers: Numbers, rooms: readonly string[]): number;
}

/** Opens the books of a receiver. */
export function createLedger(): Ledger {
  const next = new Map<string, number>();
  const faults: string[] = [];
  let count = 0;
  const keyOf = (from: string, room: string): string => `${from} ${room}`;
  return {
    faults,
    get count() {
      return count;
    },
    hear({ from, room, n }) {
      count++;
      const key = keyOf(from, room), wanted = next.get(key) ?? 0;
      if (n !== wanted) faults.push(`from ${from} to ${room}: ${n} came where ${wanted} was to come`);
      next.set(key, Math.max(wanted, n + 1));
    },
    missing(numbers, rooms) {
      let missing = 0;
      for (const room of rooms) {
        for (const [from, sent] of numbers.sentTo(room)) missing += sent - (next.get(keyOf(from, room)) ?? 0);
      }
      return missing;
    },
  };
}
