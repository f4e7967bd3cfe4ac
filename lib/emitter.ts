/** A typed set of listeners by event name. A listener that throws is reported and stops nobody else. */

/** Stops what it was returned by; harmless when called again. */
export type Unsubscribe = () => void;

/** Listeners of the events in `Events`, a map from event name to arguments. */
export class Emitter<Events extends { [Name in keyof Events]: unknown[] }> {
  readonly #entries = new Set<{ name: keyof Events; call: (args: unknown[]) => void }>();
  readonly #onError: (error: unknown) => void;

  /** `onError` is told of what listeners throw. */
  constructor(onError: (error: unknown) => void) {
    this.#onError = onError;
  }

  on<Name extends keyof Events>(name: Name, listener: (...args: Events[Name]) => void): Unsubscribe {
    const entry = { name, call: (args: unknown[]) => listener(...args as Events[Name]) };
    this.#entries.add(entry);
    return () => void this.#entries.delete(entry);
  }

  emit<Name extends keyof Events>(name: Name, ...args: Events[Name]): void {
    for (const entry of [...this.#entries]) {
      try {
        // one before it may have stopped it
        if (entry.name === name && this.#entries.has(entry)) entry.call(args);
      } catch (error) {
        this.#onError(error);
      }
    }
  }

  clear(): void {
    this.#entries.clear();
  }
}
