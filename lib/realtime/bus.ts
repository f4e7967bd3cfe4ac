/** Short messages between the nodes of a fleet. They may be lost; whoever needs more checks again by itself. */
import type { TetherServer } from "./types.ts";

/** What nodes tell each other, by topic. */
export interface Bus {
  /** Tells all other nodes. Alone, there is nobody to tell. */
  publish(topic: string, data: unknown): void;
  /** Listens to the other nodes. */
  on(topic: string, listener: (data: unknown) => void): void;
}

/** The bus of a process that stands alone. */
export const noBus: Bus = { publish() {}, on() {} };

/** Makes the bus on Socket.IO's own messages between servers. */
export function createBus(io: TetherServer): Bus {
  // the events between servers are this file's alone, and typed by who publishes and who listens
  const servers = io as unknown as {
    serverSideEmit(topic: string, data: unknown): void;
    on(topic: string, listener: (data: unknown) => void): void;
  };
  return {
    publish: (topic, data) => servers.serverSideEmit(topic, data),
    on: (topic, listener) => servers.on(topic, listener),
  };
}
