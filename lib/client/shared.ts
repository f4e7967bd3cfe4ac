/** One connection a page: hands out references to it, and disposes it with the last one. */
import type { Connection } from "./connection.ts";
import type { Unsubscribe } from "./emitter.ts";
import type { ConnectionOptions } from "./options.ts";
import { createConnection } from "./runtime.ts";

interface Shared {
  connection: Connection;
  references: number;
}

/**
 * On the page and not in this module, because every island's bundle may carry a copy of the module, and the page shall
 * have one connection all the same.
 */
const REGISTRY = Symbol.for("tether.connections");

function registry(): Map<string, Shared> {
  const page = globalThis as { [REGISTRY]?: Map<string, Shared> };
  return page[REGISTRY] ??= new Map();
}

/**
 * The page's connection to `options.url`: made by the first caller with its options, shared by the others, disposed
 * when all have disposed what they got. Listeners and subscriptions end with the reference they were added to;
 * `connect()`, `disconnect()` and `reconnect()` act on the connection of all.
 *
 * ```ts
 * using connection = getConnection({ getToken: () => sessionStorage.getItem("token") });
 * connection.connect();
 * ```
 */
export function getConnection(options: ConnectionOptions): Connection {
  const connections = registry();
  const key = `${options.url ?? ""} ${options.path ?? ""}`;
  const shared = connections.get(key) ?? { connection: createConnection(options), references: 0 };
  connections.set(key, shared);
  shared.references++;
  return reference(shared.connection, () => {
    if (--shared.references > 0) return;
    connections.delete(key);
    shared.connection.dispose();
  });
}

function reference(connection: Connection, release: () => void): Connection {
  const subscriptions = new Set<Unsubscribe>();
  let released = false;

  function track(subscribe: () => Unsubscribe): Unsubscribe {
    if (released) return () => {};
    const unsubscribe = subscribe();
    const own = () => {
      subscriptions.delete(own);
      unsubscribe();
    };
    subscriptions.add(own);
    return own;
  }

  function dispose(): void {
    if (released) return;
    released = true;
    for (const unsubscribe of [...subscriptions]) unsubscribe();
    release();
  }

  return {
    get state() {
      return connection.state;
    },
    get history() {
      return connection.history;
    },
    get rtt() {
      return connection.rtt;
    },
    connect: () => released || connection.connect(),
    disconnect: () => released || connection.disconnect(),
    reconnect: () => released || connection.reconnect(),
    request: (event, payload, options) => connection.request(event, payload, options),
    send: (event, payload) => connection.send(event, payload),
    on: (event, listener) => track(() => connection.on(event, listener)),
    subscribe: (listener) => track(() => connection.subscribe(listener)),
    dispose,
    [Symbol.dispose]: dispose,
  };
}
