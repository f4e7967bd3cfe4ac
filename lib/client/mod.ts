/**
 * The browser's connection manager: a Socket.IO connection that comes back by itself, says at every moment how it
 * stands, sends every request at most once, and tells when events may have been missed. Needs no framework; hooks for
 * Preact are in `preact.ts`.
 *
 * ```ts
 * import { createConnection } from "@tether/tether/client";
 *
 * const connection = createConnection({ getToken: () => localStorage.getItem("token") });
 * connection.subscribe((state) => document.title = state.status);
 * connection.on("presence:changes", ({ users }) => users.forEach(({ name, status }) => console.log(name, status)));
 * connection.connect();
 * const { users } = await connection.request("presence:list", {}, { timeoutMs: 5000 });
 * ```
 *
 * @module
 */
export type { Action, Code, CODES, WireError } from "../protocol/codes.ts";
export type {
  ChannelEvent,
  ChatEvent,
  EventError,
  Presence,
  PresenceStatus,
  PROTOCOL_VERSION,
  Requests,
  ServerEvents,
  SessionEnd,
  SessionReady,
  User,
} from "../protocol/events.ts";
export type { brand, Branded, ChannelId, MessageId, NodeId, SessionId, UserId } from "../protocol/ids.ts";
export { type Backoff, type BackoffOptions, createBackoff } from "../backoff.ts";
export { createBrowserEnvironment } from "./browser_environment.ts";
export { type Clock, systemClock } from "./clock.ts";
export type { Connection, ConnectionEvents, LifecycleEvents, SendError } from "./connection.ts";
export type { Unsubscribe } from "../emitter.ts";
export { type Environment, type EnvironmentEvent, noEnvironment } from "./environment.ts";
export type { ConnectionOptions } from "./options.ts";
export { type ClientCode, type OutboxLimits, RequestError, type RequestOptions } from "./requests.ts";
export type { Cause, DisconnectReason } from "./cause.ts";
export type { RttStats } from "./rtt.ts";
export { createConnection } from "./create_connection.ts";
export { getConnection } from "./shared_connection.ts";
export { createSocketIoTransport, type SocketIoTransportOptions } from "./socketio_transport.ts";
export {
  type Connected,
  type Connecting,
  type ConnectionState,
  type Disconnected,
  type HistoryEntry,
  IDLE,
  type Reconnecting,
} from "./connection_state.ts";
export type { GetToken, TokenRequest } from "./token_source.ts";
export type { CreateTransport, Transport, TransportHandlers, TransportTarget } from "./transport.ts";
