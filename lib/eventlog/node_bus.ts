/** What nodes tell and ask each other. What is told may be lost with Redis; what needs more certainty is checked again. */

/** Whom a question is for. */
export type Target =
  /** All other nodes. */
  | "others"
  /** The other nodes that hold a member of a room. */
  | { room: string }
  /** The node that holds a session, where that is another one. */
  | { session: string }
  | { node: string };

/** What came of a question. */
export interface Answers {
  /** In any order. */
  answers: unknown[];
  /** Whether everybody has answered or is dead; without any answer, nobody was there to be asked. */
  isComplete: boolean;
}

/** What nodes tell and ask each other, by topic. */
export interface NodeBus {
  /** Tells all other nodes, or those that hold a member of one of `rooms` or have joined it themselves. */
  publish(topic: string, data: unknown, to?: { rooms: readonly string[] }): void;
  /** Listens to the other nodes. */
  on(topic: string, listener: (data: unknown) => void): void;
  /** Asks; resolves with the answers that came in time. Rejects with `server/unavailable` when Redis is away. */
  ask(target: Target, topic: string, question: unknown, options: { timeoutMs: number }): Promise<Answers>;
  /** Answers what the other nodes ask; who throws or rejects does not answer. */
  onAsk(topic: string, answer: (question: unknown) => unknown): void;
  /** This node hears what is told to `room`, whether or not it has a member here. */
  join(room: string): void;
  /** It does so no more, after a while. */
  leave(room: string): void;
}

/** The bus of a process that stands alone. */
export const noBus: NodeBus = {
  publish() {},
  on() {},
  ask: () => Promise.resolve({ answers: [], isComplete: true }),
  onAsk() {},
  join() {},
  leave() {},
};
