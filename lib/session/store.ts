/**
 * The store of sessions that the nodes of a fleet share. It keeps records and leases; it decides nothing about
 * sockets. The node that holds a socket writes here through its directory and never reads here to handle an event.
 */
import type { NodeId, SessionId, UserId } from "../protocol/ids.ts";
import type { SessionRecord } from "./record.ts";

/** One record to write and how long it counts. */
export interface SessionEntry {
  readonly record: SessionRecord;
  /** Epoch milliseconds; past it the session may be reaped. */
  readonly leaseUntil: number;
  /** Refuse the entry when the store does not hold it and the user already has this many sessions. */
  readonly maxOfUser?: number;
}

/** What became of the entries of one {@linkcode SessionStore.put}; who is in no list was renewed. */
export interface PutResult {
  /** Sids that the store did not hold, or that a reaper was clearing away: write again what depends on them. */
  readonly added: SessionId[];
  /** Sids that were not written: the user is at `maxOfUser`. */
  readonly refused: SessionId[];
  /** Sids that were not written: another node took the session later. */
  readonly taken: SessionId[];
}

/** Sessions that one reaper, and for a while nobody else, is clearing away. */
export interface ExpiredClaim {
  readonly records: SessionRecord[];
  /** Names the claim to {@linkcode SessionStore.finish}. */
  readonly token: number;
}

/** Options of {@linkcode SessionStore.claimExpired}. */
export interface ClaimOptions {
  /** At most this many sessions. */
  limit: number;
  /** Milliseconds after which another reaper may claim them again. */
  claimMs: number;
}

/** Sessions by sid, by user and by node. Every method rejects when the store cannot be reached. */
export interface SessionStore {
  /** Adds, renews and updates: writes the whole record and its lease, or neither. Safe to repeat. */
  put(entries: readonly SessionEntry[]): Promise<PutResult>;
  /** Removes sessions, except those that another node or a later connection has taken. Safe to repeat. */
  remove(records: readonly SessionRecord[]): Promise<void>;
  /** The record of `sid`. */
  get(sid: SessionId): Promise<SessionRecord | undefined>;
  /** The user's sessions on all nodes. */
  ofUser(userId: UserId): Promise<SessionRecord[]>;
  /** How many sessions the user has on all nodes. */
  countOfUser(userId: UserId): Promise<number>;
  /** How many sessions there are. */
  size(): Promise<number>;
  /** All records, in batches. A record that is written meanwhile may come twice or not at all. */
  entries(): AsyncIterable<SessionRecord>;

  /** Extends a node's lease. `false`: there was none left, and the node writes its sessions again. */
  renewNode(nodeId: NodeId, leaseUntil: number): Promise<boolean>;
  /** Forgets a node that goes away; what it leaves behind expires at once. */
  removeNode(nodeId: NodeId): Promise<void>;

  /**
   * Claims sessions whose lease, or whose node's lease, has run out. Nothing is removed yet: when the reaper dies
   * before {@linkcode finish}, the claim runs out and the sessions are claimed again. A node that puts one of them
   * meanwhile has it back.
   */
  claimExpired(options: ClaimOptions): Promise<ExpiredClaim>;
  /** Removes the sessions of a claim that still belong to it. */
  finish(claim: ExpiredClaim): Promise<void>;
  /** Calls `listener` whenever the store is back and may have lost something; returns the function that ends that. */
  onBack(listener: () => void): () => void;
}
