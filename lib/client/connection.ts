/** What a connection is to the app: an interface and its events. What runs behind it is in `create_connection.ts`. */
import type { Code } from "../protocol/codes.ts";
import type { EventError, Requests, ServerEvents } from "../protocol/events.ts";
import type { Unsubscribe } from "../emitter.ts";
import type { ClientCode, RequestOptions } from "./requests.ts";
import type { RttStats } from "./rtt.ts";
import type { Cause } from "./cause.ts";
import type { Connected, ConnectionState, HistoryEntry } from "./connection_state.ts";

/** What the connection tells of itself, by the names people know from Socket.IO. */
export interface LifecycleEvents {
  /** The state changed. */
  state: [state: ConnectionState];
  /** A session is open, the first or a later one. */
  connect: [state: Connected];
  /** The session was lost or ended. */
  disconnect: [cause: Cause];
  /** An attempt failed. */
  connect_error: [cause: Cause];
  /** An attempt after a loss or a failure begins; its number in the row. */
  reconnect_attempt: [attempt: number];
  /** Such an attempt made it. */
  reconnect: [attempt: number];
  /** `maxAttempts` failed in a row. */
  reconnect_failed: [cause: Cause];
  /** Events may have been missed: fetch again what they would have changed. */
  resync: [reason: "reconnected" | "degraded"];
}

/**
 * Everything to listen to: the lifecycle and the server's events (contract §5), each with its payload and, when the
 * server called and waits for a value, the function to answer with.
 */
export type ConnectionEvents =
  & LifecycleEvents
  & { error: [error: SendError] }
  & {
    [Name in Exclude<keyof ServerEvents, "error" | "presence:change">]: [
      payload: ServerEvents[Name],
      answer?: (value: unknown) => void,
    ];
  };

/** What an event that nobody waits for failed with, on the server or on this side. */
export type SendError = Omit<EventError, "code"> & { code: Code | ClientCode };

/**
 * A connection to the server that keeps itself up.
 *
 * ```ts
 * import { createConnection } from "@tether/tether/client";
 *
 * const connection = createConnection({ getToken: () => sessionStorage.getItem("token") });
 * const stop = connection.subscribe((state) => console.log(state.status));
 * connection.connect();
 * const { id } = await connection.request("events:channel", {
 *   channel_id: "general",
 *   data: { type: "message", data: { content: "hello" } },
 * }, { timeoutMs: 5000 });
 * connection.send("usage", { model: "m1" });
 * stop();
 * ```
 */
export interface Connection extends Disposable {
  /** How it stands now. */
  readonly state: ConnectionState;
  /** The last 50 changes of state, oldest first. */
  readonly history: readonly HistoryEntry[];
  /** Round-trip times and the server's clock. */
  readonly rtt: RttStats;
  /** Leaves `disconnected`; in any other state there is nothing to do. */
  connect(): void;
  /** Ends the session, or the tries for one. */
  disconnect(): void;
  /** Tries now, whatever the time of the next attempt; on a live session, over a new line. */
  reconnect(): void;
  /**
   * Sends an event and waits for its acknowledgement. While there is no session it waits in the outbox.
   *
   * @throws {RequestError} with the server's code, or why it failed on this side.
   */
  request<Name extends keyof Requests>(
    event: Name,
    payload: Requests[Name]["payload"],
    options?: RequestOptions,
  ): Promise<Requests[Name]["answer"]>;
  /** Sends an event without waiting; a failure is told by the `error` event. */
  send<Name extends keyof Requests>(event: Name, payload: Requests[Name]["payload"]): void;
  /** Listens through every reconnect, until the result is called or the connection disposed. */
  on<Name extends keyof ConnectionEvents>(
    event: Name,
    listener: (...args: ConnectionEvents[Name]) => void,
  ): Unsubscribe;
  /** Calls `listener` with the state, now and after every change: what a signal or a store needs. */
  subscribe(listener: (state: ConnectionState) => void): Unsubscribe;
  /** Ends everything: session, timers, listeners. What is called afterwards does nothing. */
  dispose(): void;
}
