/** The options of a connection and their defaults, resolved and checked once. */
import { SOCKET_PATH } from "../protocol/events.ts";
import { type Backoff, createBackoff } from "../backoff.ts";
import { createBrowserEnvironment } from "./browser_environment.ts";
import { type Clock, systemClock } from "./clock.ts";
import { type Environment, noEnvironment } from "./environment.ts";
import type { OutboxLimits } from "./requests.ts";
import { createSocketIoTransport } from "./socketio_transport.ts";
import type { GetToken } from "./token_source.ts";
import type { CreateTransport } from "./transport.ts";

/** Options of `createConnection`; only `getToken` is needed. */
export interface ConnectionOptions {
  /**
   * Asked for a token at every attempt, and with `refresh: true` when the last one was refused or runs out. Answers
   * `null` when the user is signed out; a rejection counts as a failed attempt.
   */
  getToken: GetToken;
  /** The server's origin. @default the page's own */
  url?: string;
  /** Path of the Socket.IO endpoint. @default "/ws/socket.io/" */
  path?: string;
  /** Delay before each attempt of a row. @default createBackoff() */
  backoff?: Backoff;
  /** Reconnection attempts that may fail in a row before the connection is `exhausted`. @default Infinity */
  maxAttempts?: number;
  /** A connection that lasts this long ends the row of failures, in milliseconds. @default 10000 */
  healthyAfterMs?: number;
  /** Longest wait for a token, and then for a session, in milliseconds. @default 10000 */
  connectTimeoutMs?: number;
  /** A heartbeat answered later than this is taken for a dead line, in milliseconds. @default 10000 */
  heartbeatTimeoutMs?: number;
  /** The same when the page or the machine comes back, in milliseconds. @default 3500 */
  probeTimeoutMs?: number;
  /** Default of a request's `timeoutMs`. @default 10000 */
  requestTimeoutMs?: number;
  /** What may wait while there is no session. */
  outbox?: OutboxLimits;
  /** Whether to join the user's channels (`user-join`) on every connect, before what waits goes out. @default true */
  join?: boolean;
  /** Disposes the connection when aborted. */
  signal?: AbortSignal;
  /** The machine around the connection. @default the browser, or nothing where there is no document */
  environment?: Environment;
  /** The line to the server. @default socket.io-client */
  createTransport?: CreateTransport;
  /** Time. @default the platform's */
  clock?: Clock;
}

/** The options with every default filled in. */
export type ResolvedOptions =
  & Required<Omit<ConnectionOptions, "url" | "signal" | "outbox">>
  & { url: string | undefined; signal: AbortSignal | undefined; outbox: Required<OutboxLimits> };

/**
 * Fills in the defaults.
 *
 * @throws {RangeError} when a number is negative or not a number.
 */
export function resolveOptions({
  url,
  signal,
  getToken,
  path = SOCKET_PATH,
  maxAttempts = Infinity,
  healthyAfterMs = 10_000,
  connectTimeoutMs = 10_000,
  heartbeatTimeoutMs = 10_000,
  probeTimeoutMs = 3500,
  requestTimeoutMs = 10_000,
  backoff = createBackoff(),
  join = true,
  outbox: { maxCount = 100, maxBytes = 262_144 } = {},
  environment = typeof document === "undefined" ? noEnvironment : createBrowserEnvironment(),
  createTransport = createSocketIoTransport,
  clock = systemClock,
}: ConnectionOptions): ResolvedOptions {
  const numbers = {
    maxAttempts,
    healthyAfterMs,
    connectTimeoutMs,
    heartbeatTimeoutMs,
    probeTimeoutMs,
    requestTimeoutMs,
  };
  const outbox = { maxCount, maxBytes };
  for (const [name, value] of Object.entries({ ...numbers, ...outbox })) {
    if (!(value >= 0)) throw new RangeError(`Cannot connect as '${name}' must be 0 or more: it is ${value}`);
  }
  return {
    ...numbers,
    url,
    signal,
    getToken,
    path,
    backoff,
    join,
    outbox,
    environment,
    createTransport,
    clock,
  };
}
