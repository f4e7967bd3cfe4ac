/** Short messages between the nodes of a fleet, over its link. What needs more certainty is checked again by itself. */

/** What nodes tell each other, by topic. */
export interface Bus {
  /** Tells all other nodes. Alone, there is nobody to tell. */
  publish(topic: string, data: unknown): void;
  /** Listens to the other nodes. */
  on(topic: string, listener: (data: unknown) => void): void;
}

/** The bus of a process that stands alone. */
export const noBus: Bus = { publish() {}, on() {} };
