/**
 * The roster that the nodes of a fleet share: who is connected, and how each user is. It has no timer and knows no
 * socket. Every write is one atomic step and says what it changed, so that of all nodes exactly one gets a change back
 * and announces it. A node's writer writes here; who handles an event never waits for it.
 */
import type { Presence } from "../protocol/events.ts";
import type { NodeId, SessionId, UserId } from "../protocol/ids.ts";
import type { SessionRecord } from "./record.ts";

/** The most users whose last-active times are kept. */
export const MAX_SEEN = 100_000;
/** The most users that one read answers. */
export const MAX_LISTED = 1_000;
/** How long a model counts as used after it was last said to be, and the shortest time between two announcements. */
export const USAGE_TTL_MS = 3_000, ANNOUNCE_INTERVAL_MS = 1_000;

/** The node that writes. */
export interface Writer {
  readonly nodeId: NodeId;
  /** How long the node lives without another write, in milliseconds; 0 for one that goes away. */
  readonly leaseMs: number;
  /** The contents that it has written to, by the last answer; with other contents there the write does nothing. */
  readonly epoch: string | undefined;
}

/** An opaque text, not empty, that is kept for a session, also after its node's death. */
export interface Saved {
  /** The secret with which it is asked for. */
  readonly pid: string;
  /** Without one, what is kept is only renewed. */
  readonly value?: string;
}

/** A session to add, renew or update. */
export interface SessionEntry {
  readonly record: SessionRecord;
  /** Milliseconds without a renewal after which the session is reaped. */
  readonly leaseMs: number;
  readonly active: boolean;
  /** Epoch milliseconds of the session's last activity, `null` when it was never active. */
  readonly lastActiveAt: number | null;
  /** Refuse the entry when the store does not hold it and the user already has this many sessions. */
  readonly maxOfUser?: number;
  /** Kept for the session's lease and `savedMs` more. */
  readonly saved?: Saved;
}

/** A session that ends: a lease that nobody renews. */
export interface LeaveEntry extends Pick<SessionEntry, "record" | "lastActiveAt"> {
  /** For so many milliseconds it still counts for its user's presence, as it was, and for nothing else. */
  readonly graceMs: number;
  /** Kept for `savedMs` more, unless it is to be dropped. */
  readonly saved?: Saved & { readonly forget?: boolean };
}

/** What to write in one step: first who leaves, then who comes or stays. */
export interface Batch {
  readonly leaves: readonly LeaveEntry[];
  readonly entries: readonly SessionEntry[];
  /** For sessions that the store lost: what they add up to counts as announced, unless anything was since. */
  readonly silent?: boolean;
}

/** What every write answers. */
export interface Answer {
  /** Names the store's contents: another epoch than the writer's means that everything before it was lost. */
  readonly epoch: string;
  /** `false`: the node's lease had run out, and its sessions may have been reaped. */
  readonly isKnown: boolean;
  /** The number of this write among those of all nodes, higher for a later one; 0 where nothing was done. */
  readonly step: number;
  /** How users are now, where this write changed it; the caller is the one to announce it. */
  readonly changes: Presence[];
}

/** What became of a {@linkcode Batch}; who is in no list was renewed. */
export interface Written extends Answer {
  /** Sids that the store did not hold as open sessions. */
  readonly added: SessionId[];
  /** Sids that were not written: the user is at `maxOfUser`. */
  readonly refused: SessionId[];
  /** Sids that were not written: another node took the session later. */
  readonly taken: SessionId[];
}

/** What a tick found. */
export interface Ticked extends Answer {
  /** Open sessions whose lease, or whose node's lease, had run out; each of them is handed to one caller only. */
  readonly gone: SessionRecord[];
  /** Whether there may be more to reap now. */
  readonly hasMore: boolean;
  readonly usage: FleetUsage;
}

/** The models that a fleet uses now. */
export interface FleetUsage {
  /** In alphabetical order. */
  readonly models: string[];
  /**
   * `announce`: they changed since they were last announced, and the caller is the one to announce it;
   * `soon`: they changed less than a second after the last announcement, ask again; `none`: they did not change.
   */
  readonly change: "announce" | "soon" | "none";
}

/** A place in the list of users by last activity: epoch milliseconds, 0 for a user who was never active. */
export interface PresenceCursor {
  readonly at: number;
  readonly id: UserId;
}

/** What to list: at most so many users, and never more than 1,000, after the last user of the page before. */
interface RecentOptions {
  readonly limit: number;
  readonly after?: PresenceCursor;
}

/** Some of the users who were seen, the most recently active first. */
export interface PresencePage {
  readonly users: Presence[];
  /** What to ask for the next page `after`; `null`: this is the last. */
  readonly next: PresenceCursor | null;
  /** How many users there are on all pages. */
  readonly total: number;
}

/** Sessions by sid, by user and by node, and users by last activity. Every method rejects when it cannot be reached. */
export interface RosterStore {
  /** Writes a batch; all of it counts as one change. Safe to repeat. */
  write(writer: Writer, batch: Batch): Promise<Written>;
  /** Reaps at most `limit` sessions, takes the report of which models the node uses, keeps the store from expiring. */
  tick(writer: Writer, options: { limit: number; models: readonly string[] }): Promise<Ticked>;

  /** The record of an open session. */
  get(sid: SessionId): Promise<SessionRecord | undefined>;
  /** How many open sessions the user has on all nodes. */
  countOfUser(userId: UserId): Promise<number>;
  /** How many open sessions there are. */
  size(): Promise<number>;
  /** All open sessions, in batches. A record that is written meanwhile may come twice or not at all. */
  entries(): AsyncIterable<SessionRecord>;
  /** How these users are, as far as they are known, at most 1,000, in any order. */
  presence(userIds: readonly UserId[]): Promise<Presence[]>;
  /** A page of the users who were seen, the most recently active first. */
  recent(options: RecentOptions): Promise<PresencePage>;
  /** What is kept under a private id, on whichever node. */
  readSaved(pid: string): Promise<string | undefined>;
  /** The same, and nobody else gets it. */
  takeSaved(pid: string): Promise<string | undefined>;

  /** Calls `listener` whenever the store is back and may have lost something; returns the function that ends that. */
  onBack(listener: () => void): () => void;
  /** Writes what is pending. */
  close(): Promise<void>;
}

/** A user who was seen at a time: epoch milliseconds, 0 for a user who was never active. */
export interface Seen extends PresenceCursor {
  readonly name: string;
}

/** Where last-active times outlive a process that has no Redis. */
export interface LastActiveStore {
  load(): Promise<Seen[]>;
  /** Writes who was seen, and forgets who has no time. */
  save(seen: ReadonlyMap<UserId, Seen | undefined>): Promise<void>;
}
