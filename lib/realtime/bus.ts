/** Short messages between the nodes of a fleet. They may be lost; whoever needs more checks again by itself. */
import type { TetherServer } from "./types.ts";

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

/** Makes the bus on Socket.IO's own messages between servers. */
export function createBus(io: TetherServer): Bus {
  // the events between servers are this file's alone, and typed by who publishes and who listens
  const servers = io as unknown as {
    serverSideEmit(topic: string, data: unknown): void;
    serverSideEmitWithAck(topic: string, question: unknown): Promise<unknown[]>;
    on(topic: string, listener: (data: unknown, reply: (answer: unknown) => void) => void): void;
  };
  return {
    publish: (topic, data) => servers.serverSideEmit(topic, data),
    on: (topic, listener) => servers.on(topic, (data) => listener(data)),
    async ask(topic, question) {
      try {
        return await servers.serverSideEmitWithAck(topic, question);
      } catch (error) {
        // a node that died while it was asked; the others' answers come with the error
        return (error as { responses?: unknown[] }).responses ?? [];
      }
    },
    onAsk: (topic, answer) => servers.on(topic, (question, reply) => reply(answer(question))),
  };
}
