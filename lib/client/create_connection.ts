/**
 * The running connection: feeds the machine with what happens, and does what each state asks for while it lasts.
 * Decisions are the machine's (`state_machine.ts`), messages the outbox's (`requests.ts`).
 */
import type { Presence, Requests, SessionReady } from "../protocol/events.ts";
import { createAnnouncer } from "./lifecycle_events.ts";
import type { Connection, ConnectionEvents } from "./connection.ts";
import { Emitter, type Unsubscribe } from "../emitter.ts";
import type { EnvironmentEvent } from "./environment.ts";
import { createHeartbeat, type Heartbeat } from "./heartbeat.ts";
import { type Event, type State, transition } from "./state_machine.ts";
import { type ConnectionOptions, type ResolvedOptions, resolveOptions } from "./options.ts";
import { createRequests, RequestError, type RequestOptions, type SubmitOptions } from "./requests.ts";
import { addRtt, NO_RTT } from "./rtt.ts";
import type { Cause } from "./cause.ts";
import { causeOf, type ConnectionState, type HistoryEntry, statusOf } from "./connection_state.ts";
import { createTokenSource } from "./token_source.ts";
import type { Transport, TransportHandlers } from "./transport.ts";
import { readSession, readVerdict } from "./server_messages.ts";

const HISTORY = 50;
/** The names of the connection's own events: a server that used one would speak for the connection. */
const LIFECYCLE = /^(state|resync|(dis|re)?connect(_.*)?)$/;

/**
 * Makes a connection; it starts with `connect()`.
 *
 * @throws {RangeError} when a number among the options is negative or none.
 *
 * ```ts
 * const connection = createConnection({
 *   getToken: async ({ refresh, signal }) => {
 *     const answer = await fetch(refresh ? "/api/auth/refresh" : "/my/token", { method: "POST", signal });
 *     return answer.status === 401 ? null : (await answer.json()).token;
 *   },
 * });
 * connection.on("events:channel", ({ user, data }) => console.log(user?.name, data.type));
 * connection.on("resync", () => location.reload());
 * connection.connect();
 * ```
 */
export function createConnection(options: ConnectionOptions): Connection {
  return new Runtime(resolveOptions(options));
}

class Runtime implements Connection {
  readonly #options: ResolvedOptions;
  readonly #emitter = new Emitter<ConnectionEvents>((error) => reportError(error));
  readonly #announce = createAnnouncer(this.#emitter);
  readonly #token: ReturnType<typeof createTokenSource>;
  readonly #requests: ReturnType<typeof createRequests>;
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

  constructor(options: ResolvedOptions) {
    this.#options = options;
    this.#token = createTokenSource(options.getToken);
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

  get rtt(): typeof NO_RTT {
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
    { timeoutMs, signal }: RequestOptions = {},
  ): Promise<Requests[Name]["answer"]> {
    return await this.#submit(event, payload, { timeoutMs, signal, acked: true }) as Requests[Name]["answer"];
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
    const from = this.#state, before = this.#status;
    const world = { now: clock.now(), online: environment.online() };
    const to = transition(from, event, { ...world, backoff, maxAttempts, healthyAfterMs });
    if (to === from) return;
    this.#state = to;
    this.#status = statusOf(to);
    if (from.name !== "connected" || to.name !== "connected") {
      this.#leave(from, to);
      this.#enter(to);
    }
    if (from.name === "authorizing" && to.name === "opening") return; // the app sees no difference
    if (from.name !== to.name) this.#remember(before, event, causeOf(to));
    this.#emitter.emit("state", this.#status);
    this.#announce(from, to, event);
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
    const event = await this.#token(refresh, signal).then(
      (token): Event => token ? { type: "token", token } : { type: "signed-out" },
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
      onRefused: during((message, data) => this.#dispatch(readVerdict("refused", data, message))),
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
    if (join) this.#join(token, this.#line.signal);
    else this.#requests.open();
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
        const session = readSession(payload);
        this.#dispatch({ type: "ready", session, wire: this.#transport?.wire ?? "" });
        this.#heartbeat?.setIntervalMs(session.heartbeatIntervalMs);
        break;
      }
      case "session:expiring":
        this.#extend(this.#line.signal);
        break;
      case "session:degraded":
        this.#dispatch({ type: "degraded", degraded: Object(payload).degraded === true });
        break;
      case "session:end":
        this.#dispatch(readVerdict("ended", payload));
        break;
      case "presence:change": // of a server that is older than `presence:changes`
        return this.#emitter.emit("presence:changes", { users: [payload as Presence] });
    }
    // the names and payloads of the rest are the contract's, and its listeners trust it
    if (!LIFECYCLE.test(event)) {
      this.#emitter.emit(event as "events", payload as never, answer);
    }
  }

  /** Sends a new token over the live session; when that fails, the server ends it in time and says how to go on. */
  async #extend(signal: AbortSignal): Promise<void> {
    try {
      const token = await this.#token(true, signal);
      if (!token) return;
      const { expiresAt } = await this.request("auth:refresh", { token }, { signal });
      this.#dispatch({ type: "extended", expiresAt });
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
        if (this.#heartbeat) return this.#heartbeat.probe();
        return this.#dispatch({ type: "offline" });
      case "visible":
      case "online":
        if (this.#heartbeat) return this.#heartbeat.probe();
        // a page that is seen is not put away, whether or not the browser said so
        if (event === "visible") this.#dispatch({ type: "resume" });
        return this.#dispatch({ type: "nudge" });
    }
  }

  #submit(
    event: string,
    payload: unknown,
    { timeoutMs = this.#options.requestTimeoutMs, ...options }: Partial<SubmitOptions> & { acked: boolean },
  ): Promise<unknown> {
    const state = this.#state;
    if (this.#disposed || state.name === "disconnected" && state.reason !== "idle") {
      const what = this.#disposed ? "disposed" : state.name;
      return Promise.reject(
        new RequestError("disconnected", `Cannot send '${event}': the connection is ${what}`),
      );
    }
    return this.#requests.submit(event, payload, { ...options, timeoutMs });
  }

  /** Joins the user's channels, and only then lets out what waits, because it may be meant for one of them. */
  async #join(token: string, signal: AbortSignal): Promise<void> {
    try {
      await this.#submit("user-join", { auth: { token } }, { acked: true, ahead: true });
    } catch (error) {
      if (!signal.aborted) this.#report("user-join", error);
    }
    if (!signal.aborted) this.#requests.open();
  }

  #report(event: string, error: unknown): void {
    const code = error instanceof RequestError ? error.code : "no-token";
    this.#emitter.emit("error", { event, code, message: String(error) });
  }

  #remember({ status: from }: ConnectionState, { type: event }: Event, cause: Cause | null): void {
    const entry = { at: this.#options.clock.now(), from, to: this.#status.status, event, cause };
    this.#history = [...this.#history.slice(1 - HISTORY), entry];
  }
}
