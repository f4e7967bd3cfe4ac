/** The smallest typed event emitter that Socket.IO can work with; every session is one, so it costs little. */

// deno-lint-ignore no-explicit-any -- the one place where listeners of different events share a table
type AnyListener = (...args: any[]) => void;
type Listeners = AnyListener | readonly AnyListener[];
type EventMap<Events> = { [Name in keyof Events]: unknown[] };

/** Calls listeners in the order they were added. At most two arguments an event, so that no array is made to emit. */
export class Emitter<Events extends EventMap<Events>> {
  /** By event: one function while there is one listener, as there nearly always is. A map takes five times the memory. */
  readonly #listeners: Record<PropertyKey, Listeners | undefined> = {};

  /** Adds `listener`; it is called at every `event` until it is removed. */
  on<Name extends keyof Events>(event: Name, listener: (...args: Events[Name]) => void): this {
    const present = this.#listeners[event];
    this.#listeners[event] = present === undefined ? listener : [...listOf(present), listener];
    return this;
  }

  /** Adds a listener that is removed before its first call. */
  once<Name extends keyof Events>(event: Name, listener: (...args: Events[Name]) => void): this {
    const once = (...args: Events[Name]): void => {
      this.off(event, once);
      listener.apply(this, args);
    };
    once.listener = listener;
    return this.on(event, once);
  }

  /** Removes `listener`, whether it was added by `on` or by `once`. */
  off<Name extends keyof Events>(event: Name, listener: (...args: Events[Name]) => void): this {
    const present = this.#listeners[event];
    if (present === undefined) return this;
    const all = listOf(present);
    const at = all.findIndex((each) =>
      each === listener || (each as { listener?: unknown }).listener === listener
    );
    if (at < 0) return this;
    const left = all.toSpliced(at, 1);
    this.#listeners[event] = left.length > 1 ? left : left[0];
    return this;
  }

  /** The name that Node.js, and so Socket.IO, uses for `off`. */
  removeListener<Name extends keyof Events>(event: Name, listener: (...args: Events[Name]) => void): this {
    return this.off(event, listener);
  }

  /** The listeners of `event`, in the order in which they are called. */
  listeners<Name extends keyof Events>(event: Name): ((...args: Events[Name]) => void)[] {
    const present = this.#listeners[event];
    return present === undefined ? [] : [...listOf(present)];
  }

  /** Whether anybody listens: lets a caller skip making what it would emit. */
  listens(event: keyof Events): boolean {
    return this.#listeners[event] !== undefined;
  }

  /** Calls the listeners of `event`; what one of them throws reaches the caller. */
  emit<Name extends keyof Events>(event: Name, a?: Events[Name][0], b?: Events[Name][1]): void {
    const present: Listeners | undefined = this.#listeners[event];
    if (present === undefined) return;
    if (typeof present === "function") present.call(this, a, b);
    else for (const listener of present) listener.call(this, a, b);
  }
}

function listOf(listeners: Listeners): readonly AnyListener[] {
  return typeof listeners === "function" ? [listeners] : listeners;
}
