/** Who types now: each is forgotten after five seconds without a new notice. */
import { type ReadonlySignal, signal } from "@preact/signals";

const FORGOTTEN_MS = 5_000;

/** Those who type in one channel. */
export interface Typists {
  /** Their names, in the order in which they began. */
  readonly names: ReadonlySignal<string[]>;
  /** A notice came. */
  set(user: { id: string; name: string }, typing: boolean): void;
  remove(id: string): void;
  /** Forgets all, and all timers. */
  clear(): void;
}

/** Starts with nobody. */
export function createTypists(): Typists {
  const typing = new Map<string, { name: string; timer: ReturnType<typeof setTimeout> }>();
  const names = signal<string[]>([]);

  function tell(): void {
    names.value = [...typing.values()].map(({ name }) => name);
  }

  function remove(id: string): void {
    clearTimeout(typing.get(id)?.timer);
    if (typing.delete(id)) tell();
  }

  return {
    names,
    remove,
    set({ id, name }, on) {
      if (!on) return remove(id);
      clearTimeout(typing.get(id)?.timer);
      typing.set(id, { name, timer: setTimeout(() => remove(id), FORGOTTEN_MS) });
      tell();
    },
    clear() {
      for (const id of typing.keys()) remove(id);
    },
  };
}
