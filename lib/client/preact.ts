/** The connection in Preact: one hook that holds a reference, one that follows the state. Nothing else is decided here. */
import { useSignal } from "@preact/signals";
import { useEffect, useState } from "preact/hooks";
import type { Connection } from "./connection.ts";
import type { ConnectionOptions } from "./options.ts";
import { getConnection } from "./shared_connection.ts";
import { type ConnectionState, IDLE } from "./connection_state.ts";

/** The state of a connection as a signal: a component that reads it is rendered again when it changes. */
export interface StateSignal {
  /** The state now. */
  readonly value: ConnectionState;
}

/**
 * The page's connection while the component is mounted; connects it. `null` on the server and on the first render.
 *
 * ```tsx
 * function Status() {
 *   const connection = useConnection({ getToken: () => sessionStorage.getItem("token") });
 *   const state = useConnectionState(connection);
 *   return <output>{state.value.status}</output>;
 * }
 * ```
 */
export function useConnection(options: ConnectionOptions): Connection | null {
  const [connection, setConnection] = useState<Connection | null>(null);
  useEffect(() => {
    const mine = getConnection(options);
    mine.connect();
    setConnection(mine);
    return () => mine.dispose();
  }, [options.url, options.path]);
  return connection;
}

/**
 * The state of `connection`; idle while there is none.
 *
 * ```tsx
 * import type { Connection } from "@tether/tether/client";
 *
 * function Dot({ connection }: { connection: Connection | null }) {
 *   const state = useConnectionState(connection);
 *   return <span class={state.value.status} />;
 * }
 * ```
 */
export function useConnectionState(connection: Connection | null): StateSignal {
  const state = useSignal<ConnectionState>(connection?.state ?? IDLE);
  useEffect(() => connection?.subscribe((now) => state.value = now), [connection]);
  return state;
}
