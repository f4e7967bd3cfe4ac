/**
 * Reads what is in a node's inbox between two places, for sessions that take up where they were lost. What was read for
 * one of them is kept a little while, for those of a node that died come all at once.
 */
import { delay } from "../supervise.ts";
import { type Fields, numberOf, readEntry, senderOf } from "./entry.ts";
import type { Delivery } from "./delivery.ts";
import type { FleetStore } from "./fleet_store.ts";
import { comparePositions, entryOf, indexAfter, type Position } from "./position.ts";

/** An event that was sent, and can be recovered. */
export type PastEvent = Delivery & { position: Position; sender: string; number: number };

/** The histories of all inboxes. */
export interface InboxHistory {
  /** The events after `from` up to the entry `to`, in their order; nothing when some may be lost. */
  read(node: string, range: { from: Position; to: Position }): Promise<PastEvent[] | undefined>;
  /** Forgets what was not asked for lately. */
  tick(): void;
}

interface Known {
  from: Position;
  to: Position;
  events: PastEvent[];
  bytes: number;
  usedAt: number;
  /** One read of an inbox at a time. */
  reading: Promise<unknown>;
}

const COUNT = 100;
const KEPT_MS = 10_000;
const MAX_BYTES = 32 * 1024 * 1024;
const NOTHING: Position = "0-0";

/** Makes the histories; `now` is a clock in milliseconds that never goes back. */
export function createInboxHistory(
  store: Pick<FleetStore, "range">,
  now: () => number = () => performance.now(),
): InboxHistory {
  const inboxes = new Map<string, Known>();

  /** Reads what comes after `known.to`; whether nothing of it is lost. */
  async function extend(node: string, known: Known, to: Position): Promise<boolean> {
    while (comparePositions(known.to, to) < 0) {
      const from = entryOf(known.to);
      const { entries, first } = await store.range(node, { from, to: entryOf(to), count: COUNT });
      if (first === undefined || comparePositions(first, from) > 0) return false;
      for (const [entry, fields] of entries) add(known, entry, fields);
      known.to = entries.length < COUNT ? to : entries.at(-1)![0];
      await delay(0);
    }
    return true;
  }

  function add(known: Known, entry: Position, fields: Fields): void {
    const sender = senderOf(fields), first = numberOf(fields);
    readEntry(fields, {
      event({ isRecoverable, ...delivery }, index) {
        const position = `${entry}.${index}`;
        if (!isRecoverable || comparePositions(position, known.to) <= 0) return;
        known.events.push({ ...delivery, position, sender, number: first + index });
        known.bytes += delivery.frames[0].length;
      },
    });
  }

  async function readIn(
    node: string,
    known: Known,
    from: Position,
    to: Position,
  ): Promise<PastEvent[] | undefined> {
    if (known.to === NOTHING || comparePositions(from, known.from) < 0 || known.bytes > MAX_BYTES) {
      Object.assign(known, { from, to: from, events: [], bytes: 0 });
    }
    if (!await extend(node, known, to)) {
      known.to = NOTHING;
      return undefined;
    }
    return known.events.slice(indexAfter(known.events, from), indexAfter(known.events, to));
  }

  return {
    async read(node, { from, to }) {
      const known = inboxes.get(node) ??
        { from, to: NOTHING, events: [], bytes: 0, usedAt: 0, reading: Promise.resolve() };
      inboxes.set(node, known);
      known.usedAt = now();
      const reading = known.reading.then(() => readIn(node, known, from, to));
      known.reading = reading.catch(() => known.to = NOTHING);
      return await reading;
    },
    tick() {
      for (const [node, { usedAt }] of inboxes) if (usedAt < now() - KEPT_MS) inboxes.delete(node);
    },
  };
}
