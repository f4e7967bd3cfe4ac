/** A typed set of listeners by event name. A listener that throws is reported and stops nobody else. */

/** Stops what it was returned by; harmless when called again. */
export type Unsubscribe = () => void;

/** Listeners of the events in `Events`, a map from event name to arguments. */
export class Emitter<Events extends { [Name in keyof Events]: unknown[] }> {
  readonly #listeners = new Map<keyof Events, Set<(args: unknown[]) => void>>();

  on<Name extends keyof Events>(name: Name, listener: (...args: Events[Name]) => void): Unsubscribe {
    const own = (args: unknown[]) => listener(...args as Events[Name]); // the same function may be added twice
    const listeners = this.#listeners.get(name) ?? new Set();
    this.#listeners.set(name, listeners.add(own));
    return () => {
      listeners.delete(own);
    };
  }

  emit<Name extends keyof Events>(name: Name, ...args: Events[Name]): void {
    const listeners = this.#listeners.get(name) ?? new Set();
    for (const listener of [...listeners]) {
      try {
        if (listeners.has(listener)) listener(args); // one before it may have stopped it
      } catch (error) {
        reportError(error);
      }
    }
  }

  clear(): void {
    for (const listeners of this.#listeners.values()) listeners.clear();
    this.#listeners.clear();
  }
}
