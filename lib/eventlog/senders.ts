/** How far each of the other nodes was heard, by the numbers on its messages: what came twice, and what is missing. */

/** What a number says. */
export interface Hearing {
  /** The message has not been heard before. */
  isNew: boolean;
  /** How many messages before it were never heard. */
  missed: number;
}

/** The other nodes. */
export interface Senders {
  /** Takes the number of a message, or (`counts: false`) that of the last message before a probe. */
  hear(sender: string, message: { seq: number; counts: boolean }): Hearing;
  /** Those that were heard in the last `ms` milliseconds. */
  heardWithin(ms: number): string[];
  /** Forgets nodes that have been silent for a minute: they are gone. */
  forgetSilent(): void;
}

const SILENCE_MS = 60_000;

/** Makes an empty record; `now` is a clock in milliseconds that never goes back. */
export function createSenders(now: () => number = () => performance.now()): Senders {
  const senders = new Map<string, { seq: number; heardAt: number }>();
  return {
    hear(sender, { seq, counts }) {
      const known = senders.get(sender);
      // of a node that is new to us nothing can be missing
      const last = known?.seq ?? (counts ? seq - 1 : seq);
      senders.set(sender, { seq: Math.max(last, seq), heardAt: now() });
      return { isNew: seq > last, missed: Math.max(0, seq - last - (counts ? 1 : 0)) };
    },
    heardWithin(ms) {
      const oldest = now() - ms;
      return [...senders].filter(([, { heardAt }]) => heardAt >= oldest).map(([sender]) => sender);
    },
    forgetSilent() {
      const oldest = now() - SILENCE_MS;
      for (const [sender, { heardAt }] of senders) if (heardAt < oldest) senders.delete(sender);
    },
  };
}
