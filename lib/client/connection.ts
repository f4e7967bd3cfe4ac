/**
 * The running connection: feeds the machine with what happens, and does what each state asks for while it lasts.
 * Decisions are the machine's (`machine.ts`), messages the outbox's (`requests.ts`).
 */
import type { Action, Code } from "../protocol/codes.ts";
import type { EventError, Requests, ServerEvents, SessionReady } from "../protocol/events.ts";
import { Emitter, type Unsubscribe } from "./emitter.ts";
import type { EnvironmentEvent } from "./environment.ts";
import { createHeartbeat, type Heartbeat } from "./heartbeat.ts";
import { type Event, type State, transition } from "./machine.ts";
import { type ConnectionOptions, type ResolvedOptions, resolveOptions } from "./options.ts";
import {
  type ClientCode,
  createRequests,
  type Outgoing,
  RequestError,
  type RequestOptions,
} from "./requests.ts";
import { addRtt, NO_RTT, type RttStats } from "./rtt.ts";
import { type Cause, type Connected, type ConnectionState, type HistoryEntry, statusOf } from "./status.ts";
import { createTokenSource, type TokenSource } from "./tokens.ts";
import type { Transport, TransportHandlers } from "./transport.ts";

/** What the connection tells, by the names people know from Socket.IO, and the server's events (contract §5). */
export type ConnectionEvents =
  & {
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
    /** A message without an acknowledgement failed, here or on the server. */
    error: [error: SendError];
  }
  & {
    [Name in Exclude<keyof ServerEvents, "error">]: [
      payload: ServerEvents[Name],
      /** There when the server called and waits for a value. */
      answer?: (value: unknown) => void,
    ];
  };

/** What an event that was sent without an acknowledgement failed with. */
export type SendError = Omit<EventError, "code"> & { code: Code | ClientCode };

/** A connection to the server that keeps itself up. */
export interface Connection extends Disposable {
  readonly state: ConnectionState;
  /** The last 50 changes of state, oldest first. */
  readonly history: readonly HistoryEntry[];
  /** Round-trip times and the server's clock. */
  readonly rtt: RttStats;
  /** Leaves `disconnected`; in any other state there is nothing to do. */
  connect(): void;
  /** Ends the session, or the tries for one. */
  disconnect(): void;
  /** Tries now, whatever the time of the next attempt; on a live session, makes a new one. */
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

const HISTORY = 50;
const MAX_RETRY_AFTER_MS = 3_600_000;
const ATTEMPT_ENDERS: ReadonlySet<string> = new Set(
  ["refused", "ended", "closed", "timeout", "token-failed", "signed-out"] satisfies Event["type"][],
);

/**
 * Makes a connection; it starts with `connect()`.
 *
 * ```ts
 * using connection = createConnection({
 *   getToken: async ({ refresh, signal }) => {
 *     const answer = await fetch(refresh ? "/api/auth/refresh" : "/token", { method: "POST", signal });
 *     return answer.ok ? (await answer.json()).token : null;
 *   },
 * });
 * connection.on("events:channel", ({ data }) => console.log(data.type));
 * connection.on("resync", () => location.reload());
 * connection.connect();
 * await connection.request("events:channel", { channel_id: "general", data: { type: "message", data: "hello" } });
 * ```
 */
export function createConnection(options: ConnectionOptions): Connection {
  return new Runtime(resolveOptions(options));
}

class Runtime implements Connection {
  readonly #options: ResolvedOptions;
  readonly #emitter = new Emitter<ConnectionEvents>();
  readonly #tokens: TokenSource;
  readonly #requests: Outgoing;
  readonly #unwatch: Unsubscribe;
  readonly #onAbort = () => this.dispose();
  readonly #queue: Event[] = [];
  #transport: Transport | null = null;
  #heartbeat: Heartbeat | null = null;
  #state: State = { name: "disconnected", reason: "idle", cause: null };
  #status = statusOf(this.#state);
  #history: HistoryEntry[] = [];
  #rtt = NO_RTT;
  /** Lives as long as the state. */
  #scope = new AbortController();
  /** Lives as long as the line, from opening to its end. */
  #line = new AbortController();
  #dispatching = false;
  #disposed = false;
  #hadSession = false;
  #degraded = false;

  constructor(options: ResolvedOptions) {
    this.#options = options;
    this.#tokens = createTokenSource(options.getToken);
    this.#requests = createRequests({
      clock: options.clock,
      limits: options.outbox,
      emit: (event, payload, answered) => this.#transport?.emit(event, payload, answered),
    });
    this.#unwatch = options.environment.watch((event) => this.#onEnvironment(event));
    options.signal?.addEventListener("abort", this.#onAbort, { once: true });
    if (options.signal?.aborted) this.dispose();
  }

  get state(): ConnectionState {
    return this.#status;
  }

  get history(): readonly HistoryEntry[] {
    return this.#history;
  }

  get rtt(): RttStats {
    return this.#rtt;
  }

  connect(): void {
    this.#dispatch({ type: "connect" });
  }

  disconnect(): void {
    this.#dispatch({ type: "disconnect" });
  }

  reconnect(): void {
    this.#dispatch({ type: "reconnect" });
  }

  async request<Name extends keyof Requests>(
    event: Name,
    payload: Requests[Name]["payload"],
    options: RequestOptions = {},
  ): Promise<Requests[Name]["answer"]> {
    return await this.#submit(event, payload, { ...options, acked: true }) as Requests[Name]["answer"];
  }

  send<Name extends keyof Requests>(event: Name, payload: Requests[Name]["payload"]): void {
    this.#submit(event, payload, { acked: false }).catch((error) => this.#report(event, error));
  }

  on<Name extends keyof ConnectionEvents>(
    event: Name,
    listener: (...args: ConnectionEvents[Name]) => void,
  ): Unsubscribe {
    return this.#disposed ? () => {} : this.#emitter.on(event, listener);
  }

  subscribe(listener: (state: ConnectionState) => void): Unsubscribe {
    const unsubscribe = this.on("state", listener);
    listener(this.#status);
    return unsubscribe;
  }

  dispose(): void {
    if (this.#disposed) return;
    this.disconnect();
    this.#disposed = true;
    this.#requests.fail("the connection is disposed");
    this.#options.signal?.removeEventListener("abort", this.#onAbort);
    this.#unwatch();
    this.#emitter.clear();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  /** Takes events one after the other: what a listener or an effect causes comes after what caused it. */
  #dispatch(event: Event): void {
    if (this.#disposed) return;
    this.#queue.push(event);
    if (this.#dispatching) return;
    this.#dispatching = true;
    try {
      for (let next = this.#queue.shift(); next; next = this.#queue.shift()) this.#step(next);
    } finally {
      this.#dispatching = false;
    }
  }

  #step(event: Event): void {
    const { backoff, maxAttempts, healthyAfterMs, environment, clock } = this.#options;
    const from = this.#state;
    const to = transition(from, event, {
      now: clock.now(),
      online: environment.online(),
      backoff,
      maxAttempts,
      healthyAfterMs,
    });
    if (to === from) return;
    this.#state = to;
    if (from.name !== "connected" || to.name !== "connected") {
      this.#leave(from, to);
      this.#enter(to);
    }
    this.#tell(from, to, event);
  }

  #leave(from: State, to: State): void {
    this.#scope.abort();
    if (from.name === "connected") {
      this.#heartbeat?.stop();
      this.#heartbeat = null;
      this.#requests.close();
    }
    if ((from.name === "opening" || from.name === "connected") && to.name !== "connected") {
      this.#line.abort();
      if (to.name === "disconnected") this.#transport?.close();
      else this.#transport?.drop();
    }
  }

  #enter(state: State): void {
    this.#scope = new AbortController();
    const { connectTimeoutMs, clock } = this.#options;
    switch (state.name) {
      case "authorizing":
        this.#timeout(connectTimeoutMs);
        this.#authorize(state.credentials === "refresh", this.#scope.signal);
        break;
      case "opening":
        this.#timeout(connectTimeoutMs);
        this.#open(state.token);
        break;
      case "connected":
        this.#startSession(state.token, state.session);
        break;
      case "waiting":
        this.#timeout(state.retryAt - clock.now());
        break;
      case "paused":
        break;
      case "disconnected":
        this.#requests.fail(`the connection is ${state.reason}`);
        break;
    }
  }

  /** The one timer of a state: it is gone when the state is left. */
  #timeout(ms: number): void {
    const cancel = this.#options.clock.after(Math.max(0, ms), () => this.#dispatch({ type: "timeout" }));
    this.#scope.signal.addEventListener("abort", cancel, { once: true });
  }

  async #authorize(refresh: boolean, signal: AbortSignal): Promise<void> {
    const event = await this.#tokens.get(refresh, signal).then(
      (token): Event => token === null ? { type: "signed-out" } : { type: "token", token },
      (error): Event => ({ type: "token-failed", message: String(error) }),
    );
    if (!signal.aborted) this.#dispatch(event);
  }

  #open(token: string): void {
    const line = this.#line = new AbortController();
    const { createTransport, url, path } = this.#options;
    const during = <Args extends unknown[]>(handle: (...args: Args) => void) => (...args: Args) => {
      if (!line.signal.aborted) handle(...args);
    };
    const handlers: TransportHandlers = {
      onEvent: during((event, payload, answer) => this.#onServerEvent(event, payload, answer)),
      onRefused: during((message, data) => this.#onVerdict("refused", { message, ...data as object })),
      onClosed: during((message) => this.#dispatch({ type: "closed", message })),
      onUpgrade: during((wire) => this.#dispatch({ type: "upgrade", wire })),
    };
    try {
      this.#transport ??= createTransport({ url, path });
      this.#transport.open(token, handlers);
    } catch (error) {
      handlers.onClosed(String(error));
    }
  }

  #startSession(token: string, { heartbeatIntervalMs: intervalMs }: SessionReady): void {
    const { clock, heartbeatTimeoutMs: timeoutMs, probeTimeoutMs, environment, join } = this.#options;
    const { signal } = this.#line;
    const openGate = () => {
      if (!signal.aborted) this.#requests.open();
    };
    if (join) this.#submitAhead("user-join", { auth: { token } }).then(openGate);
    else openGate();
    this.#heartbeat = createHeartbeat({
      clock,
      intervalMs,
      timeoutMs,
      probeTimeoutMs,
      send: (answered) => this.#transport?.emit("heartbeat", { active: environment.active() }, answered),
      onRtt: (rttMs, answer) => {
        const { serverTime } = (answer ?? {}) as { serverTime?: unknown };
        const known = typeof serverTime === "number" ? { now: clock.now(), serverTime } : undefined;
        this.#rtt = addRtt(this.#rtt, rttMs, known);
        this.#dispatch({ type: "rtt", rttMs });
      },
      onLost: () => this.#dispatch({ type: "suspect" }),
    });
  }

  #onServerEvent(event: string, payload: unknown, answer?: (value: unknown) => void): void {
    switch (event) {
      case "session:ready": {
        const session = withHeartbeat(payload as SessionReady);
        this.#dispatch({ type: "ready", session, wire: this.#transport?.wire ?? "" });
        this.#heartbeat?.setIntervalMs(session.heartbeatIntervalMs);
        break;
      }
      case "session:expiring":
        this.#extend(this.#line.signal);
        break;
      case "session:end":
        this.#onVerdict("ended", payload as object);
        break;
    }
    // names and payloads are the server's; who listens to one trusts the contract
    this.#emitter.emit(event as keyof ServerEvents, payload as never, answer as never);
  }

  #onVerdict(type: "refused" | "ended", data: object): void {
    const { code, action, message, retryAfterMs } = data as Record<string, unknown>;
    const text = String(message);
    if (action !== "retry" && action !== "reauth" && action !== "stop") {
      return this.#dispatch({ type: "closed", message: text });
    }
    const wait = typeof retryAfterMs === "number" && retryAfterMs > 0 ? retryAfterMs : 0;
    this.#dispatch({
      type,
      code: code as Code,
      action: action satisfies Action,
      message: text,
      retryAfterMs: Math.min(wait, MAX_RETRY_AFTER_MS),
    });
  }

  /** Sends a new token over the live session; when that fails, the server ends it in time and says how to go on. */
  async #extend(signal: AbortSignal): Promise<void> {
    try {
      const token = await this.#tokens.get(true, signal);
      if (token === null) return;
      const { expiresAt } = await this.request("auth:refresh", { token }, { signal });
      this.#dispatch({ type: "extended", token, expiresAt });
    } catch (error) {
      if (!signal.aborted) this.#report("auth:refresh", error);
    }
  }

  #onEnvironment(event: EnvironmentEvent): void {
    switch (event) {
      case "active":
        return this.#heartbeat?.beat();
      case "suspend":
      case "resume":
        return this.#dispatch({ type: event });
      case "offline":
        // a server on this machine is there without a network, so a live session is asked, not dropped
        if (!this.#heartbeat) return this.#dispatch({ type: "offline" });
        return this.#heartbeat.probe();
      case "online":
      case "visible":
        if (!this.#heartbeat) return this.#dispatch({ type: "nudge" });
        return this.#heartbeat.probe();
    }
  }

  #submit(
    event: string,
    payload: unknown,
    options: RequestOptions & { acked: boolean; ahead?: boolean },
  ): Promise<unknown> {
    const { name } = this.#state;
    if (this.#disposed || name === "disconnected" && this.#state.reason !== "idle") {
      const what = this.#disposed ? "disposed" : name;
      return Promise.reject(
        new RequestError("disconnected", `Cannot send '${event}': the connection is ${what}`),
      );
    }
    return this.#requests.submit(event, payload, { timeoutMs: this.#options.requestTimeoutMs, ...options });
  }

  async #submitAhead(event: keyof Requests, payload: unknown): Promise<void> {
    await this.#submit(event, payload, { acked: true, ahead: true }).catch((error) =>
      this.#report(event, error)
    );
  }

  #report(event: string, error: unknown): void {
    const { code = "aborted", message } = error as RequestError;
    this.#emitter.emit("error", { event, code, message });
  }

  #tell(from: State, to: State, event: Event): void {
    const cause = to.name === "connected" ? null : to.cause;
    const before = this.#status;
    if (from.name === "authorizing" && to.name === "opening") return; // the app sees no difference
    this.#status = statusOf(to);
    if (from.name !== to.name) {
      const entry = {
        at: this.#options.clock.now(),
        from: before.status,
        to: this.#status.status,
        event: event.type,
        cause,
      };
      this.#history = [...this.#history.slice(1 - HISTORY), entry];
    }
    this.#emitter.emit("state", this.#status);

    if (from.name === "connected" && to.name !== "connected") this.#emitter.emit("disconnect", cause!);
    if ((from.name === "authorizing" || from.name === "opening") && ATTEMPT_ENDERS.has(event.type)) {
      this.#emitter.emit("connect_error", cause!);
    }
    if (to.name === "authorizing" && to.cause) this.#emitter.emit("reconnect_attempt", to.attempt);
    if (to.name === "disconnected" && to.reason === "exhausted") {
      this.#emitter.emit("reconnect_failed", to.cause!);
    }
    if (to.name === "connected" && event.type === "ready") this.#tellReady(from, to.session);
  }

  #tellReady(from: State, { recovered, degraded = false }: SessionReady): void {
    const status = this.#status;
    if (from.name === "opening" && status.status === "connected") {
      this.#emitter.emit("connect", status);
      if (from.cause) this.#emitter.emit("reconnect", from.attempt);
      if (this.#hadSession && !recovered) this.#emitter.emit("resync", "reconnected");
    }
    if (this.#degraded && !degraded) this.#emitter.emit("resync", "degraded");
    this.#hadSession = true;
    this.#degraded = degraded;
  }
}

/** The server's interval, if it is one. */
function withHeartbeat(session: SessionReady): SessionReady {
  const given = session.heartbeatIntervalMs;
  const heartbeatIntervalMs = Number.isFinite(given) ? Math.min(Math.max(given, 1000), 300_000) : 30_000;
  return { ...session, heartbeatIntervalMs };
}
