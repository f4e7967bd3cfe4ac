/** A session store that a test can take away, and whose calls it can count. */
import { ProtocolError } from "../../lib/protocol/codes.ts";
import type { SessionEntry, SessionStore } from "../../lib/session/store.ts";

/** A store with a switch. */
export interface FaultStore extends SessionStore {
  /** While set, every call rejects as if Redis were away. */
  isAway: boolean;
  /** The names of all calls. */
  readonly calls: (keyof SessionStore)[];
  /** The entries of every `put`. */
  readonly puts: (readonly SessionEntry[])[];
}

/** Puts a switch before `store`. */
export function faultStore(store: SessionStore): FaultStore {
  const calls: (keyof SessionStore)[] = [];
  const puts: (readonly SessionEntry[])[] = [];
  const added = { isAway: false, calls, puts };
  return new Proxy(store, {
    get(target, name: keyof FaultStore) {
      if (name in added) return added[name as keyof typeof added];
      if (name === "onBack") return target.onBack;
      const method = name as keyof SessionStore;
      return (...args: unknown[]) => {
        calls.push(method);
        if (added.isAway) return Promise.reject(new ProtocolError("server/unavailable"));
        if (method === "put") puts.push(args[0] as SessionEntry[]);
        return (target[method] as (...args: unknown[]) => unknown).apply(target, args);
      };
    },
    set(_, name, value) {
      return Reflect.set(added, name, value);
    },
  }) as FaultStore;
}
