/** A roster store that a test can take away or empty, and whose calls it can count. */
import { ProtocolError } from "../../lib/protocol/codes.ts";
import { createMemoryRosterStore } from "../../lib/roster/memory_store.ts";
import type { Batch, RosterStore } from "../../lib/roster/store.ts";
import { delay } from "../../lib/supervise.ts";

/** A store with a switch. */
export interface FaultStore extends RosterStore {
  /** While set, every call rejects as if Redis were away. */
  isAway: boolean;
  /** How long every call takes on its way there, and back, in milliseconds. */
  latencyMs: number;
  /** The names of all calls. */
  readonly calls: (keyof RosterStore)[];
  /** What was written, batch by batch. */
  readonly batches: Batch[];
  /** Loses everything that is in it. */
  lose(): Promise<void>;
  /** Tells who listens that it is back. */
  back(): void;
}

/** A roster in memory behind a switch. */
export async function faultStore(): Promise<FaultStore> {
  const create = () => createMemoryRosterStore({ savedMs: 120_000 });
  let target = await create();
  const listeners = new Set<() => void>();
  const added = {
    isAway: false,
    latencyMs: 0,
    calls: [] as (keyof RosterStore)[],
    batches: [] as Batch[],
    async lose() {
      target = await create();
    },
    back: () => listeners.forEach((listener) => listener()),
    onBack(listener: () => void) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
  async function slowly(run: () => unknown): Promise<unknown> {
    await delay(added.latencyMs);
    try {
      return await run();
    } finally {
      await delay(added.latencyMs);
    }
  }
  return new Proxy({}, {
    get(_, name: keyof FaultStore) {
      if (name in added) return added[name as keyof typeof added];
      // it is awaited, and no promise
      if (!(name in target)) return undefined;
      const method = name as keyof RosterStore;
      const run = (args: unknown[]): unknown => {
        if (added.isAway) return Promise.reject(new ProtocolError("server/unavailable"));
        if (method === "write") added.batches.push(args[1] as Batch);
        return (target[method] as (...args: unknown[]) => unknown).apply(target, args);
      };
      return (...args: unknown[]) => {
        added.calls.push(method);
        return added.latencyMs === 0 || name === "entries" ? run(args) : slowly(() => run(args));
      };
    },
    set(_, name, value) {
      return Reflect.set(added, name, value);
    },
  }) as FaultStore;
}
