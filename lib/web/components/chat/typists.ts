/** Who types now: each is forgotten after five seconds without a new notice. */
import { type ReadonlySignal, signal } from "@preact/signals";

const FORGOTTEN_MS = 5_000;

/** Those who type in one channel. */
export interface Typists {
  /** Their names, in the order in which they began. */
  readonly names: ReadonlySignal<string[]>;
  /** Somebody types, or does not any more. */
  set(user: { id: string; name: string }, typing: boolean): void;
  /** Forgets all, and all timers. */
  clear(): void;
}

/** Starts with nobody. */
export function createTypists(): Typists {
  const typing = new Map<string, { name: string; timer: ReturnType<typeof setTimeout> }>();
  const names = signal<string[]>([]);

  function set(user: { id: string; name: string }, on: boolean): void {
    const { id, name } = user;
    clearTimeout(typing.get(id)?.timer);
    if (on) typing.set(id, { name, timer: setTimeout(() => set(user, false), FORGOTTEN_MS) });
    else typing.delete(id);
    names.value = [...typing.values()].map((one) => one.name);
  }

  return {
    names,
    set,
    clear() {
      for (const [id, { name }] of typing) set({ id, name }, false);
    },
  };
}
