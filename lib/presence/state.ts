/**
 * Presence as a state machine: which sessions a user has, what was announced of the user, and what an input changes.
 * It has no timers and no clock; the rule is that a session which left still counts, as it was, until its grace ends.
 */
import type { Presence, PresenceStatus } from "../protocol/events.ts";
import type { NodeId, SessionId, UserId } from "../protocol/ids.ts";
import type { SessionPresence } from "./store.ts";

/** A user's new status. */
export type StatusChange = Omit<Presence, "lastActiveAt">;

interface UserState {
  name: string;
  announced: PresenceStatus;
  /** Whether a change said so; what was put silently nobody has heard from here. */
  said: boolean;
  /** Whether each of the user's sessions is active. */
  sessions: Map<SessionId, boolean>;
}

/** The presence of all users; made by {@linkcode createState}, changed by the functions of this file only. */
export interface PresenceState {
  users: Map<UserId, UserState>;
  sessions: Map<SessionId, { userId: UserId; owner: NodeId }>;
  /** When each leaving session stops counting. */
  leaving: Map<SessionId, number>;
  /** The same by time; what `leaving` does not confirm is of a session that came back. */
  queue: { sid: SessionId; leavesAt: number }[];
}

/** A state without users. */
export function createState(): PresenceState {
  return { users: new Map(), sessions: new Map(), leaving: new Map(), queue: [] };
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

/** Adds sessions or replaces what is known of them; `silent` makes no change of what nobody has heard of here. */
export function put(
  state: PresenceState,
  sessions: readonly SessionPresence[],
  options: { silent: boolean },
): StatusChange[] {
  for (const { sid, user, owner, active } of sessions) {
    let entry = state.users.get(user.id);
    if (entry === undefined) {
      entry = { name: user.name, announced: "offline", said: false, sessions: new Map() };
      state.users.set(user.id, entry);
    }
    entry.name = user.name;
    entry.sessions.set(sid, active);
    state.sessions.set(sid, { userId: user.id, owner });
    state.leaving.delete(sid);
  }
  return changesOf(state, sessions.map(({ user }) => user.id), options);
}

/** Lets a session leave: it counts until `leavesAt`, or until it is put again. Another owner's session stays. */
export function leave(state: PresenceState, session: SessionPresence, leavesAt: number): void {
  const { sid, owner } = session;
  if (state.sessions.get(sid)?.owner !== owner || state.leaving.has(sid)) return;
  state.leaving.set(sid, leavesAt);
  // nearly always at the end, for nearly all have the same grace
  const after = state.queue.findLastIndex((entry) => entry.leavesAt <= leavesAt);
  state.queue.splice(after + 1, 0, { sid, leavesAt });
}

/** Removes sessions at once. */
export function remove(state: PresenceState, sids: readonly SessionId[]): StatusChange[] {
  const userIds: UserId[] = [];
  for (const sid of sids) {
    const session = state.sessions.get(sid);
    if (session === undefined) continue;
    state.sessions.delete(sid);
    state.leaving.delete(sid);
    state.users.get(session.userId)?.sessions.delete(sid);
    userIds.push(session.userId);
  }
  return changesOf(state, userIds, { silent: false });
}

/** Removes the sessions whose grace ended by `now`. */
export function settle(state: PresenceState, now: number): StatusChange[] {
  const later = state.queue.findIndex(({ leavesAt }) => leavesAt > now);
  const past = state.queue.splice(0, later < 0 ? state.queue.length : later);
  const due = past.filter(({ sid, leavesAt }) => state.leaving.get(sid) === leavesAt);
  return remove(state, due.map(({ sid }) => sid));
}

/** When the next leaving session stops counting. */
export function nextDue(state: PresenceState): number | undefined {
  const next = state.queue.findIndex(({ sid, leavesAt }) => state.leaving.get(sid) === leavesAt);
  // so that nobody looks at those who came back twice
  state.queue.splice(0, next < 0 ? state.queue.length : next);
  return state.queue[0]?.leavesAt;
}

/** What is new about these users, once for each: a batch is one step, and its parts are not seen. */
function changesOf(
  state: PresenceState,
  userIds: readonly UserId[],
  { silent }: { silent: boolean },
): StatusChange[] {
  const changes: StatusChange[] = [];
  for (const id of userIds) {
    const user = state.users.get(id);
    if (user === undefined) continue;
    const status = aggregate(user.sessions.values());
    if (status === "offline") state.users.delete(id);
    if (status === user.announced) continue;
    user.announced = status;
    if (silent && !user.said) continue;
    user.said = true;
    changes.push({ id, name: user.name, status });
  }
  return changes;
}
