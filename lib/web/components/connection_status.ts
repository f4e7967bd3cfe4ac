/** The page's connection as people are shown it. Used by whatever shows it, so that all pages do so in one way. */
import { type ReadonlySignal, useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { type Connection, IDLE } from "../../client/mod.ts";
import { type StateSignal, useConnection, useConnectionState } from "../../client/preact.ts";
import { createConnectionNotice, type Shown } from "./connection_notice.ts";
import { connectionOptions } from "./connection_options.ts";

/** What {@linkcode useStatus} gives. */
interface Status {
  /** `null` on the server and on the first render. */
  connection: Connection | null;
  /** How it really stands. */
  state: StateSignal;
  /** What is told of it. */
  shown: ReadonlySignal<Shown>;
}

/** Connects, and follows the connection; goes to the sign-in when only a new one helps. */
export function useStatus(): Status {
  const connection = useConnection(connectionOptions);
  const state = useConnectionState(connection);
  const shown = useSignal<Shown>({ state: IDLE, notice: "" });

  useEffect(() => {
    if (connection === null) return;
    const notice = createConnectionNotice((next) => shown.value = next);
    connection.subscribe((next) => {
      notice.update(next);
      if (next.status === "disconnected" && next.reason === "unauthorized") {
        location.assign(`/sign-in?because=${next.cause?.code ?? "auth/missing"}`);
      }
    });
    return () => notice[Symbol.dispose]();
  }, [connection]);

  return { connection, state, shown };
}
