/**
 * The connection as a finite state machine: every state, every event, and one table of what leads where.
 * Pure: it holds no timer and no socket, and what a state does while it lasts is the runtime's business.
 */
import type { Action, Code } from "../protocol/codes.ts";
import type { SessionReady } from "../protocol/events.ts";
import type { Cause, DisconnectReason } from "./cause.ts";

/**
 * Where an attempt stands with its token: `current` — ask for the current one · `refresh` — it was refused, ask for a
 * new one · `refreshed` — a new one was got, and a refusal is final. A rest makes `current` of `refreshed`: it may last
 * until the new token is old, and the back-off keeps the two from taking turns quickly.
 */
type Credentials = "current" | "refresh" | "refreshed";

interface Attempting {
  /** Failures in a row, 0 before the first. */
  attempt: number;
  credentials: Credentials;
}

interface Trying extends Attempting {
  /** Why a connection was lost or refused; `null` on the way to the first. */
  cause: Cause | null;
}

interface Resting extends Attempting {
  credentials: Exclude<Credentials, "refreshed">;
  cause: Cause;
  /** Epoch milliseconds before which the server wants no attempt. */
  notBefore: number;
}

/** The state of the machine. */
export type State =
  | { name: "disconnected"; reason: DisconnectReason; cause: Cause | null }
  /** Waits for a token. */
  | ({ name: "authorizing" } & Trying)
  /** Waits for the line and then for `session:ready`. */
  | ({ name: "opening"; token: string } & Trying)
  | ({
    name: "connected";
    token: string;
    session: SessionReady;
    since: number;
    wire: string;
    rttMs: number | null;
  } & Attempting)
  /** Waits for the time of the next attempt. */
  | ({ name: "waiting"; retryAt: number } & Resting)
  /** Waits for the network or the page to come back. */
  | ({ name: "paused"; by: "offline" | "page" } & Resting);

/** What the server says when it refuses or ends a session (contract §2). */
interface Verdict {
  code: Code;
  action: Action;
  message: string;
  retryAfterMs: number;
}

/** What can happen to the machine. */
export type Event =
  | { type: "connect" }
  | { type: "disconnect" }
  | { type: "reconnect" }
  | { type: "token"; token: string }
  | { type: "signed-out" }
  | { type: "token-failed"; message: string }
  | { type: "ready"; session: SessionReady; wire: string }
  | { type: "refused" } & Verdict
  | { type: "ended" } & Verdict
  | { type: "closed"; message: string }
  | { type: "suspect" }
  | { type: "timeout" }
  | { type: "rtt"; rttMs: number }
  | { type: "extended"; expiresAt: number | null }
  | { type: "degraded"; degraded: boolean }
  | { type: "upgrade"; wire: string }
  | { type: "offline" }
  | { type: "suspend" }
  | { type: "resume" }
  /** The network, the page or the machine came back: try now, if the server allows it. */
  | { type: "nudge" };

/** The names of the states. */
export type StateName = State["name"];
/** The names of the events. */
export type EventType = Event["type"];
type StateOf<Name extends StateName> = Extract<State, { name: Name }>;
type EventOf<Type extends EventType> = Extract<Event, { type: Type }>;

/** What the machine has to know of the world for a transition. */
export interface Context {
  /** Epoch milliseconds. */
  now: number;
  online: boolean;
  /** Milliseconds before attempt number `attempt`. */
  backoff(attempt: number): number;
  maxAttempts: number;
  /** A connection that lasted this long ends the row of failures. */
  healthyAfterMs: number;
}

/** Which states each state can lead to. A table that leads elsewhere does not compile. */
export const REACH = {
  disconnected: ["authorizing"],
  authorizing: ["opening", "waiting", "paused", "disconnected"],
  opening: ["connected", "authorizing", "waiting", "paused", "disconnected"],
  connected: ["connected", "authorizing", "waiting", "paused", "disconnected"],
  waiting: ["waiting", "authorizing", "paused", "disconnected"],
  paused: ["paused", "waiting", "authorizing", "disconnected"],
} as const satisfies Record<StateName, readonly StateName[]>;

type Step<Name extends StateName, Type extends EventType> = (
  state: StateOf<Name>,
  event: EventOf<Type>,
  context: Context,
) => StateOf<(typeof REACH)[Name][number]>;
type Row<Name extends StateName> = { readonly [Type in EventType]?: Step<Name, Type> };

function authorizing({ attempt, credentials }: Attempting, cause: Cause | null): StateOf<"authorizing"> {
  return { name: "authorizing", attempt, credentials, cause };
}

function resting({ attempt, credentials }: Attempting, cause: Cause, notBefore: number): Resting {
  return { attempt, credentials: credentials === "refreshed" ? "current" : credentials, cause, notBefore };
}

function paused(state: Attempting, by: "offline" | "page", cause: Cause, notBefore = 0): StateOf<"paused"> {
  return { name: "paused", by, ...resting(state, cause, notBefore) };
}

function waiting(state: Attempting, retryAt: number, cause: Cause, notBefore: number): StateOf<"waiting"> {
  return { name: "waiting", retryAt, ...resting(state, cause, notBefore) };
}

/** The attempt, or what was an attempt until now, failed: wait for the next one, or give up. */
function failed(
  before: Attempting,
  cause: Cause,
  { now, online, backoff, maxAttempts }: Context,
  retryAfterMs = 0,
): StateOf<"waiting" | "paused" | "disconnected"> {
  const state = { ...before, attempt: before.attempt + 1 };
  if (state.attempt > maxAttempts) return { name: "disconnected", reason: "exhausted", cause };
  const notBefore = retryAfterMs > 0 ? now + retryAfterMs : 0;
  if (!online) return paused(state, "offline", cause, notBefore);
  return waiting(state, now + Math.max(backoff(state.attempt), retryAfterMs), cause, notBefore);
}

/** The server said no, or ended the session: its `action` says what comes next. */
function judged(
  state: Attempting,
  { type, code, action, message, retryAfterMs }: EventOf<"refused" | "ended">,
  context: Context,
): StateOf<"authorizing" | "waiting" | "paused" | "disconnected"> {
  const cause: Cause = { kind: type, code, message };
  switch (action) {
    case "retry":
      return failed(state, cause, context, retryAfterMs);
    case "stop":
      return { name: "disconnected", reason: "ended", cause };
    case "reauth":
      if (state.credentials === "refreshed") return { name: "disconnected", reason: "unauthorized", cause };
      return authorizing({ ...state, credentials: "refresh" }, cause);
  }
}

/** An attempt at once, or as soon as the server allows one. */
function whenAllowed(state: Resting, { now }: Context): StateOf<"authorizing" | "waiting"> {
  const { cause, notBefore } = state;
  return now >= notBefore ? next(state) : waiting(state, notBefore, cause, notBefore);
}

/** What a connection counts for when it ends: one that was healthy ends the row of failures. */
function lived(state: StateOf<"connected">, context: Context): Attempting {
  const healthy = context.now - state.since >= context.healthyAfterMs;
  return healthy ? { attempt: 0, credentials: "current" } : state;
}

const OFFLINE: Cause = { kind: "offline", message: "the network is gone" };
const AWAY: Cause = { kind: "page", message: "the page was put away" };
const SIGNED_OUT: Cause = { kind: "token", message: "there is no token" };
const MANUAL: Cause = { kind: "manual", message: "asked for by the app" };

const stopped = (): StateOf<"disconnected"> => ({ name: "disconnected", reason: "stopped", cause: MANUAL });
const first = (): StateOf<"authorizing"> => authorizing({ attempt: 0, credentials: "current" }, null);
const next = (state: Resting): StateOf<"authorizing"> => authorizing(state, state.cause);

/** What can call an attempt off. */
const calledOff = {
  disconnect: stopped,
  offline: (state: Trying) => paused(state, "offline", state.cause ?? OFFLINE),
  suspend: (state: Trying) => paused(state, "page", state.cause ?? AWAY),
};

/** The table: what each event does in each state. An event that a state has no entry for changes nothing. */
export const TRANSITIONS: { readonly [Name in StateName]: Row<Name> } = {
  disconnected: { connect: first, reconnect: first },
  authorizing: {
    ...calledOff,
    token: ({ credentials, ...state }, { token }) => ({
      ...state,
      name: "opening",
      token,
      credentials: credentials === "refresh" ? "refreshed" : credentials,
    }),
    // what the server said of the last token tells more than that there is none now
    "signed-out": ({ credentials, cause }) => ({
      name: "disconnected",
      reason: "unauthorized",
      cause: credentials === "refresh" && cause !== null ? cause : SIGNED_OUT,
    }),
    "token-failed": (state, { message }, context) => failed(state, { kind: "token", message }, context),
    timeout: (state, _, context) => failed(state, { kind: "timeout", message: "no token in time" }, context),
  },
  opening: {
    ...calledOff,
    ready: ({ attempt, credentials, token }, { session, wire }, { now }) => ({
      name: "connected",
      attempt,
      credentials,
      token,
      session,
      wire,
      since: now,
      rttMs: null,
    }),
    refused: judged,
    ended: judged,
    closed: (state, { message }, context) => failed(state, { kind: "lost", message }, context),
    timeout: (state, _, context) =>
      failed(state, { kind: "timeout", message: "no session in time" }, context),
  },
  connected: {
    disconnect: stopped,
    reconnect: (state, _, context) => authorizing(lived(state, context), MANUAL),
    ready: (state, { session, wire }) => ({ ...state, session, wire }),
    extended: (state, { expiresAt }) => ({ ...state, session: { ...state.session, expiresAt } }),
    degraded: (state, { degraded }) => ({ ...state, session: { ...state.session, degraded } }),
    rtt: (state, { rttMs }) => ({ ...state, rttMs }),
    upgrade: (state, { wire }) => ({ ...state, wire }),
    refused: (state, event, context) => judged(lived(state, context), event, context),
    ended: (state, event, context) => judged(lived(state, context), event, context),
    closed: (state, { message }, context) =>
      failed(lived(state, context), { kind: "lost", message }, context),
    suspect: (state, _, context) =>
      failed(lived(state, context), { kind: "suspect", message: "a heartbeat was not answered" }, context),
    suspend: (state, _, context) => paused(lived(state, context), "page", AWAY),
  },
  waiting: {
    disconnect: stopped,
    reconnect: next,
    timeout: next,
    nudge: (state, _, context) => whenAllowed(state, context),
    offline: (state) => paused(state, "offline", state.cause, state.notBefore),
    suspend: (state) => paused(state, "page", state.cause, state.notBefore),
  },
  paused: {
    disconnect: stopped,
    reconnect: next,
    nudge: (state, _, context) =>
      state.by === "offline" && context.online ? whenAllowed(state, context) : state,
    suspend: (state) => ({ ...state, by: "page" }),
    resume: (state, _, context) => context.online ? whenAllowed(state, context) : { ...state, by: "offline" },
  },
};

/** The state after `event`: the same object when the event means nothing in this state. */
export function transition(state: State, event: Event, context: Context): State {
  // the table pairs every state with its own steps, which the compiler cannot follow through an index
  const step = TRANSITIONS[state.name][event.type] as
    | ((state: State, event: Event, context: Context) => State)
    | undefined;
  return step ? step(state, event, context) : state;
}
