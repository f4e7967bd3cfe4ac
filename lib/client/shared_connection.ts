/** One connection a page: hands out references to it, and disposes it with the last one. */
import type { Connection } from "./connection.ts";
import type { Unsubscribe } from "../emitter.ts";
import type { ConnectionOptions } from "./options.ts";
import { createConnection } from "./create_connection.ts";

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
 * when all have disposed what they got. Listeners and subscriptions end with the reference they were added to, and so
 * does what `options.signal` ends; `connect()`, `disconnect()` and `reconnect()` act on the connection of all.
 *
 * ```ts
 * const connection = getConnection({ getToken: () => sessionStorage.getItem("token") });
 * connection.connect();
 * addEventListener("my-sign-out", () => connection.dispose(), { once: true });
 * ```
 */
export function getConnection({ signal, ...options }: ConnectionOptions): Connection {
  const connections = registry();
  const key = `${options.url ?? ""} ${options.path ?? ""}`;
  const shared = connections.get(key) ?? { connection: createConnection(options), references: 0 };
  connections.set(key, shared);
  shared.references++;

  const subscriptions = new Set<Unsubscribe>();
  let { connection } = shared;

  function track(unsubscribe: Unsubscribe): Unsubscribe {
    subscriptions.add(unsubscribe);
    return () => {
      subscriptions.delete(unsubscribe);
      unsubscribe();
    };
  }

  function dispose(): void {
    if (connection !== shared.connection) return;
    connection = createConnection(options); // one that is over, as this reference is
    connection.dispose();
    signal?.removeEventListener("abort", dispose);
    for (const unsubscribe of subscriptions) unsubscribe();
    if (--shared.references > 0) return;
    connections.delete(key);
    shared.connection.dispose();
  }

  signal?.addEventListener("abort", dispose, { once: true });
  if (signal?.aborted) dispose();
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
    connect: () => connection.connect(),
    disconnect: () => connection.disconnect(),
    reconnect: () => connection.reconnect(),
    request: (event, payload, options) => connection.request(event, payload, options),
    send: (event, payload) => connection.send(event, payload),
    on: (event, listener) => track(connection.on(event, listener)),
    subscribe: (listener) => track(connection.subscribe(listener)),
    dispose,
    [Symbol.dispose]: dispose,
  };
}
