/** Short messages between the nodes of a fleet, over its link. What needs more certainty is checked again by itself. */

/** What nodes tell and ask each other, by topic. */
export interface Bus {
  /** Tells all other nodes. Alone, there is nobody to tell. */
  publish(topic: string, data: unknown): void;
  /** Listens to the other nodes. */
  on(topic: string, listener: (data: unknown) => void): void;
  /** Asks all other nodes; resolves with the answers that came in time, in any order. */
  ask(topic: string, question: unknown): Promise<unknown[]>;
  /** Answers what the other nodes ask. */
  onAsk(topic: string, answer: (question: unknown) => unknown): void;
}

/** The bus of a process that stands alone. */
export const noBus: Bus = { publish() {}, on() {}, ask: () => Promise.resolve([]), onAsk() {} };
