/**
 * What presence needs of a store: every operation is one atomic step, so that of all nodes exactly one gets a change
 * back and announces it. A store knows no timers and no sockets.
 */
import type { Presence } from "../protocol/events.ts";
import type { NodeId, SessionId, UserId } from "../protocol/ids.ts";

/** A session as it counts for its user's presence. */
export interface SessionPresence {
  sid: SessionId;
  user: { id: UserId; name: string };
  /** The node that holds the session; only it may end it with {@linkcode PresenceStore.leave}. */
  owner: NodeId;
  active: boolean;
  /** Epoch milliseconds of the session's last activity, `null` when it was never active. */
  lastActiveAt: number | null;
}

/** The most users whose last-active times are kept. */
export const MAX_SEEN = 100_000;

/** A user who was seen at a time. */
export interface Seen {
  id: UserId;
  name: string;
  /** Epoch milliseconds. */
  at: number;
}

/** What {@linkcode PresenceStore.settle} found. */
export interface Settled {
  changes: Presence[];
  /** Milliseconds until the next session that left stops counting; `null` when none is leaving. */
  waitMs: number | null;
  /** Names the store's contents: another epoch means that everything before it was lost. */
  epoch: string;
}

/** The presence of all users of a fleet. Operations on sessions that are not there do nothing. */
export interface PresenceStore {
  /**
   * Adds sessions or replaces what is known of them, and returns the changes this makes. `silent` is for sessions
   * that the store lost: what they add up to counts as announced, unless something else was announced since.
   */
  put(sessions: readonly SessionPresence[], options?: { silent?: boolean }): Promise<Presence[]>;
  /**
   * Ends sessions: they count as they were until the grace is over, the store's own unless `graceMs` is given, or
   * until they are put again.
   */
  leave(sessions: readonly SessionPresence[], options?: { graceMs?: number }): Promise<void>;
  /** Removes sessions at once, whoever owns them. */
  remove(sids: readonly SessionId[]): Promise<Presence[]>;
  /** Removes some of the sessions whose grace is over; each of them is handed to one caller only. */
  settle(): Promise<Settled>;
  /** Keeps when users were last active; durable. */
  touch(seen: readonly Seen[]): Promise<void>;
  /** The users of these ids that are known, in any order. */
  read(userIds: readonly UserId[]): Promise<Presence[]>;
  /** At most `limit` users, the most recently active first. */
  recent(limit: number): Promise<Presence[]>;
  close(): Promise<void>;
}

/** Where last-active times outlive a process that has no Redis. */
export interface LastActiveStore {
  load(): Promise<Seen[]>;
  save(seen: readonly Seen[]): Promise<void>;
  forget(userIds: readonly UserId[]): Promise<void>;
}
