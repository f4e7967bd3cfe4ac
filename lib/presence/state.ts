/**
 * Presence as a state machine: which sessions a user has, what was announced of the user, and what an input changes.
 * It has no timers and no clock; the rule is that a session which left still counts, as it was, until its grace ends.
 */
import type { Presence, PresenceStatus } from "../protocol/events.ts";
import type { NodeId, SessionId, UserId } from "../protocol/ids.ts";
import type { SessionPresence } from "./store.ts";

interface UserState {
  name: string;
  announced: PresenceStatus;
  lastActiveAt: number | null;
  /** Whether each of the user's sessions is active. */
  sessions: Map<SessionId, boolean>;
}

/** The presence of all users; made by {@linkcode createState}, changed by the functions of this file only. */
export interface PresenceState {
  users: Map<UserId, UserState>;
  sessions: Map<SessionId, { userId: UserId; owner: NodeId }>;
  /** When each leaving session stops counting. The grace is constant, so insertion order is time order. */
  leaving: Map<SessionId, number>;
}

/** A state without users. */
export function createState(): PresenceState {
  return { users: new Map(), sessions: new Map(), leaving: new Map() };
}

/** The status that a user's sessions add up to. */
export function aggregate(sessions: Iterable<boolean>): PresenceStatus {
  let status: PresenceStatus = "offline";
  for (const active of sessions) {
    if (active) return "online";
    status = "away";
  }
  return status;
}

/** Adds a session or replaces what is known of it. */
export function put(state: PresenceState, session: SessionPresence): Presence | undefined {
  const { sid, user, owner, active, lastActiveAt } = session;
  let entry = state.users.get(user.id);
  if (entry === undefined) {
    entry = { name: user.name, announced: "offline", lastActiveAt: null, sessions: new Map() };
    state.users.set(user.id, entry);
  }
  entry.name = user.name;
  entry.lastActiveAt = latest(entry.lastActiveAt, lastActiveAt);
  entry.sessions.set(sid, active);
  state.sessions.set(sid, { userId: user.id, owner });
  state.leaving.delete(sid);
  return announce(user.id, entry);
}

/** Lets a session leave: it counts until `leavesAt`, or until it is put again. Another owner's session stays. */
export function leave(state: PresenceState, session: SessionPresence, leavesAt: number): void {
  const { sid, owner, lastActiveAt } = session;
  const known = state.sessions.get(sid);
  if (known === undefined || known.owner !== owner || state.leaving.has(sid)) return;
  state.leaving.set(sid, leavesAt);
  const user = state.users.get(known.userId);
  if (user) user.lastActiveAt = latest(user.lastActiveAt, lastActiveAt);
}

/** Removes a session at once. */
export function remove(state: PresenceState, sid: SessionId): Presence | undefined {
  const userId = state.sessions.get(sid)?.userId;
  const user = userId && state.users.get(userId);
  if (!userId || !user) return undefined;
  state.sessions.delete(sid);
  state.leaving.delete(sid);
  user.sessions.delete(sid);
  if (user.sessions.size === 0) state.users.delete(userId);
  return announce(userId, user);
}

/** Removes the sessions whose grace ended by `now`. */
export function settle(state: PresenceState, now: number): Presence[] {
  const changes: Presence[] = [];
  for (const [sid, leavesAt] of state.leaving) {
    if (leavesAt > now) break;
    const change = remove(state, sid);
    if (change) changes.push(change);
  }
  return changes;
}

/** When the next leaving session stops counting. */
export function nextDue(state: PresenceState): number | undefined {
  const [next] = state.leaving.values();
  return next;
}

function announce(id: UserId, user: UserState): Presence | undefined {
  const status = aggregate(user.sessions.values());
  if (status === user.announced) return undefined;
  user.announced = status;
  return { id, name: user.name, status, lastActiveAt: user.lastActiveAt };
}

function latest(a: number | null, b: number | null): number | null {
  return a === null ? b : b === null ? a : Math.max(a, b);
}
