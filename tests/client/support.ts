/** A connection on fake time and a fake line, for the tests of the connection manager. */
import assert from "node:assert/strict";
import { createClock } from "@sinonjs/fake-timers";
import {
  type Clock,
  type Connection,
  type ConnectionOptions,
  type ConnectionState,
  createConnection,
  type Environment,
  type EnvironmentEvent,
  type Transport,
  type TransportHandlers,
} from "../../lib/client/mod.ts";
import type { SessionReady } from "../../lib/protocol/events.ts";
import { nodeId, sessionId, userId } from "../../lib/protocol/ids.ts";

/** Time that moves by hand, and may be slept through. */
export interface FakeClock extends Clock {
  /** Moves time in small steps, between which promises settle. */
  advance(ms: number): Promise<void>;
  /** The wall clock jumps and no timer fires: the machine slept. */
  sleep(ms: number): void;
  /** How many timers are set. */
  timers(): number;
}

/** Lets everything run that only waits for settled promises. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 15; turn++) await Promise.resolve();
}

export function createFakeClock(): FakeClock {
  const clock = createClock(1_000_000);
  return {
    now: () => clock.now,
    after(ms, run) {
      const timer = clock.setTimeout(run, ms);
      return () => clock.clearTimeout(timer);
    },
    async advance(ms) {
      await settle();
      for (let left = ms; left > 0; left -= 250) {
        clock.tick(Math.min(250, left));
        await settle();
      }
    },
    sleep: (ms) => clock.setSystemTime(clock.now + ms),
    timers: () => clock.countTimers(),
  };
}

/** A message that the connection sent. */
export interface Sent {
  event: string;
  payload: unknown;
  ack?: (answer: unknown) => void;
}

/** The line and the server behind it, both played by the test. */
export class FakeTransport implements Transport {
  wire = "";
  /** The token of every opening. */
  readonly tokens: string[] = [];
  /** Everything sent, over all openings. */
  readonly sent: Sent[] = [];
  /** How the openings ended by the client's will. */
  readonly ends: ("drop" | "close")[] = [];
  /** Openings while the last one was still open. */
  overlaps = 0;
  /** Answers heartbeats and `user-join` at once. */
  obliging = true;
  handlers: TransportHandlers | null = null;
  readonly #past: TransportHandlers[] = [];

  get isOpen(): boolean {
    return this.handlers !== null;
  }

  open(token: string, handlers: TransportHandlers): void {
    if (this.handlers) this.overlaps++;
    this.tokens.push(token);
    this.handlers = handlers;
    this.#past.push(handlers);
    this.wire = "websocket";
  }

  emit(event: string, payload: unknown, ack?: (answer: unknown) => void): void {
    if (!this.handlers) throw new Error(`'${event}' was sent on a line that is not open`);
    this.sent.push({ event, payload, ack });
    if (this.obliging && event === "heartbeat") ack?.({ ok: true, serverTime: 0 });
    if (this.obliging && event === "user-join") ack?.({ ok: true, id: "u1", name: "Ada" });
  }

  drop(): void {
    this.#end("drop");
  }

  close(): void {
    this.#end("close");
  }

  #end(how: "drop" | "close"): void {
    if (this.handlers) this.ends.push(how);
    this.handlers = null;
    this.wire = "";
  }

  /** The server opens the session. */
  ready(over: Partial<SessionReady> = {}): void {
    this.handlers?.onEvent("session:ready", { ...session, ...over });
  }

  /** The server refuses the handshake. */
  refuse(data: unknown): void {
    const { handlers } = this;
    this.handlers = null;
    handlers?.onRefused("refused", data);
  }

  /** The line breaks. */
  lose(reason = "transport close"): void {
    const { handlers } = this;
    this.handlers = null;
    handlers?.onClosed(reason);
  }

  /** Every line of the past speaks up, though it is long gone. */
  stale(): void {
    for (const handlers of this.#past) {
      if (handlers === this.handlers) continue;
      handlers.onEvent("session:ready", session);
      handlers.onEvent("session:end", { code: "session/ended", action: "stop", message: "late" });
      handlers.onUpgrade("late");
      handlers.onClosed("late");
    }
  }

  /** Messages of one name. */
  sentOf(event: string): Sent[] {
    return this.sent.filter((message) => message.event === event);
  }
}

/** What the fake server says first. */
export const session: SessionReady = {
  sid: sessionId("s1"),
  user: { id: userId("u1"), name: "Ada", role: "user" },
  expiresAt: null,
  heartbeatIntervalMs: 30_000,
  recovered: false,
  serverTime: 0,
  nodeId: nodeId("n1"),
  protocol: 1,
};

/** A machine to be switched off and on. */
export class FakeEnvironment implements Environment {
  isOnline = true;
  isActive = true;
  readonly listeners = new Set<(event: EnvironmentEvent) => void>();

  online(): boolean {
    return this.isOnline;
  }

  active(): boolean {
    return this.isActive;
  }

  watch(listener: (event: EnvironmentEvent) => void): () => void {
    this.listeners.add(listener);
    return () => {
      this.listeners.delete(listener);
    };
  }

  tell(event: EnvironmentEvent): void {
    if (event === "online" || event === "offline") this.isOnline = event === "online";
    for (const listener of [...this.listeners]) listener(event);
  }
}

/** The state of `connection`, which must be of this status. */
export function stateOf<Status extends ConnectionState["status"]>(
  connection: Connection,
  status: Status,
): Extract<ConnectionState, { status: Status }> {
  assert.equal(connection.state.status, status);
  return connection.state as Extract<ConnectionState, { status: Status }>;
}

/** A connection and everything around it. */
export interface Stage extends Disposable {
  connection: Connection;
  clock: FakeClock;
  transport: FakeTransport;
  environment: FakeEnvironment;
  /** What `getToken` was asked: whether to refresh. */
  asked: boolean[];
  /** Lifecycle events, as `name` or `name:detail`. */
  log: string[];
  /** Connects and lets the server open the session. */
  establish(over?: Partial<SessionReady>): Promise<void>;
}

/** Builds a connection on fakes; back-off without chance unless given. */
export function stage(options: Partial<ConnectionOptions> = {}): Stage {
  const clock = createFakeClock();
  const transport = new FakeTransport();
  const environment = new FakeEnvironment();
  const asked: boolean[] = [];
  const log: string[] = [];
  const connection = createConnection({
    getToken: ({ refresh }) => {
      asked.push(refresh);
      return `token-${asked.length}`;
    },
    backoff: (attempt) => Math.min(5000, 1000 * 2 ** (attempt - 1)),
    clock,
    environment,
    createTransport: () => transport,
    ...options,
  });
  connection.on("connect", () => log.push("connect"));
  connection.on("disconnect", ({ kind }) => log.push(`disconnect:${kind}`));
  connection.on("connect_error", ({ kind }) => log.push(`connect_error:${kind}`));
  connection.on("reconnect_attempt", (attempt) => log.push(`reconnect_attempt:${attempt}`));
  connection.on("reconnect", (attempt) => log.push(`reconnect:${attempt}`));
  connection.on("reconnect_failed", () => log.push("reconnect_failed"));
  connection.on("resync", (reason) => log.push(`resync:${reason}`));
  return {
    connection,
    clock,
    transport,
    environment,
    asked,
    log,
    async establish(over) {
      connection.connect();
      await settle();
      transport.ready(over);
      await settle();
    },
    [Symbol.dispose]: () => connection.dispose(),
  };
}
