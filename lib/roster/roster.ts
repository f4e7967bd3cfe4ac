/**
 * The roster as the rest of the server uses it: the sessions of this node, how the fleet's users are, and which models
 * are in use. What changes something never waits for the store, but where it says so: what the store missed while it was
 * away is written when it is back. What reads of the fleet rejects while it is away.
 */
import type { Presence } from "../protocol/events.ts";
import type { NodeId, SessionId } from "../protocol/ids.ts";
import type { Log } from "../log.ts";
import type { PageOptions, SessionPage } from "./page.ts";
import type { SessionRecord } from "./record.ts";
import type { RosterStore } from "./store.ts";

/** Times in milliseconds. */
export interface RosterOptions {
  store: RosterStore;
  nodeId: NodeId;
  log: Log;
  /** How long a session lives without a renewal: three heartbeat intervals. */
  leaseMs: number;
  /** How long a session that was closed still counts for its user's presence. */
  graceMs: number;
  /** How long the node lives without a renewal; default 15,000. */
  nodeLeaseMs?: number;
  /** How often the node writes what can wait, and reaps; default 1000. */
  tickMs?: number;
  /** Sessions a write; default 200. */
  batchSize?: number;
  /** Told of every tick that could not reach the store, for counting. */
  onError?: (error: unknown) => void;
  /** The clock, in epoch milliseconds; default `Date.now`. */
  now?: () => number;
}

export interface OpenOptions {
  /** Refuse the session when its user has this many already, on all nodes. */
  maxOfUser?: number;
  /** What is kept for taking the session up again after its node's death; see {@linkcode Roster.save}. */
  saved?: { pid: string; value: string };
}

export interface CloseOptions {
  /** How long the session still counts for its user's presence, in milliseconds; default: the setting. */
  graceMs?: number;
  /** Drops what was saved. Otherwise the last value is written and stays for its time. */
  forget?: boolean;
}

/** What may change in a live session. */
export type SessionChange = Partial<Pick<SessionRecord, "user" | "transport" | "expiresAt">>;

/** Why sessions are gone: they, or their nodes, were silent for too long; or another node has taken them over. */
type GoneReason = "expired" | "taken";

type Reads = Pick<RosterStore, "get" | "countOfUser" | "presence" | "recent" | "readSaved" | "takeSaved">;

/** What a roster tells of. */
export interface RosterEvents {
  change: [changes: Presence[], step: number];
  gone: [records: SessionRecord[], reason: GoneReason];
  usage: [models: string[]];
}

/** The roster of a node. Disposing it writes what is waiting and takes the node out of the store. */
export interface Roster extends Reads, AsyncDisposable {
  /** How many sessions this node holds. */
  readonly size: number;
  /**
   * Takes a session, with its user active; again after a recovery. Resolves when the store has it, or when the store is
   * away. Rejects with `admission/too-many-sessions` when the user has `maxOfUser` already, and with
   * `server/unavailable` when another node took it later; then it is not taken.
   */
  open(record: SessionRecord, options?: OpenOptions): Promise<void>;
  /** Notes a sign of life, written with the next tick; and whether the user is active, written at once when it changes. */
  alive(sid: SessionId, active: boolean): void;
  /** Changes a record; it is written with the next tick. */
  update(sid: SessionId, change: SessionChange): void;
  /**
   * Keeps `value` under the private id that the session was opened with, for as long as the session lives and
   * `savedMs` more; written with the next tick, or at once with `now`.
   */
  save(sid: SessionId, value: string, options?: { now?: boolean }): void;
  /** Lets go of a session. Its user counts as before until the grace is over, or until another session takes its place. */
  close(sid: SessionId, options?: CloseOptions): void;
  /** Writes what is waiting. Rejects when the store is away; nothing is lost by that. */
  flush(): Promise<void>;
  /** Reaps at once what has run out, which else happens once a second. Rejects when the store is away. */
  sweep(): Promise<void>;
  /** This session uses `model` for the next 3 seconds. */
  use(sid: SessionId, model: string): void;
  /** The models in use over the fleet, as this node last heard. */
  models(): readonly string[];
  /** Some of the fleet's open sessions, in the order of their ids. */
  page(options: PageOptions): Promise<SessionPage>;

  /**
   * Calls `listener` with the changes of presence that this node is the one to announce, and the store's step that made
   * them: two nodes may announce their steps in another order. The result ends that.
   */
  onChange(listener: (changes: Presence[], step: number) => void): () => void;
  /** Calls `listener` with sessions that this node has reaped, or that were taken from it; the result ends that. */
  onGone(listener: (records: SessionRecord[], reason: GoneReason) => void): () => void;
  /** Calls `listener` with the fleet's models when this node is to announce them; the result ends that. */
  onUsage(listener: (models: string[]) => void): () => void;
}
