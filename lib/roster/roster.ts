/**
 * The roster as the rest of the server uses it: the sessions of this node, how the fleet's users are, and which models
 * are in use. Methods that change something never wait for the store but where they say so: what it missed while it was
 * away is written when it is back.
 */
import type { Presence } from "../protocol/events.ts";
import type { SessionId, UserId } from "../protocol/ids.ts";
import type { PageOptions, SessionPage } from "./page.ts";
import type { SessionRecord } from "./record.ts";
import type { PresencePage, RecentOptions } from "./store.ts";

/** How a session is opened. */
export interface OpenOptions {
  /** Refuse the session when its user has this many already, on all nodes. */
  maxOfUser?: number;
  /** What is kept for taking the session up again after its node's death; see {@linkcode Roster.save}. */
  saved?: { pid: string; value: string };
}

/** What may change in a live session. */
export type SessionChange = Partial<Pick<SessionRecord, "user" | "transport" | "expiresAt">>;

/** How a session is closed. */
export interface CloseOptions {
  /** How long it still counts for its user's presence, in milliseconds; default: the setting. */
  graceMs?: number;
  /** Drops what was saved. Otherwise the last value is written and stays for its time. */
  forget?: boolean;
}

/** Why sessions are gone: they, or their nodes, were silent for too long; or another node has taken them over. */
export type GoneReason = "expired" | "taken";

/** The roster of a node. Disposing it writes what is waiting and removes the node from the store. */
export interface Roster extends AsyncDisposable {
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

  /** What was saved under a private id, on whichever node. Rejects when the store is away, as all that follows. */
  readSaved(pid: string): Promise<string | undefined>;
  /** The same, and nobody else gets it. */
  takeSaved(pid: string): Promise<string | undefined>;
  /** The record of an open session of the fleet. */
  get(sid: SessionId): Promise<SessionRecord | undefined>;
  /** How many open sessions the user has on all nodes. */
  countOfUser(userId: UserId): Promise<number>;
  /** Some of the fleet's open sessions, in the order of their ids. */
  page(options: PageOptions): Promise<SessionPage>;
  /** How these users are, as far as they are known, at most 1,000. */
  presence(userIds: readonly UserId[]): Promise<Presence[]>;
  /** A page of the users who were seen, the most recently active first. */
  recent(options: RecentOptions): Promise<PresencePage>;

  /** This session uses `model` for the next 3 seconds. */
  use(sid: SessionId, model: string): void;
  /** The models in use over the fleet, as this node last heard. */
  models(): readonly string[];

  /** Calls `listener` with the changes of presence that this node is the one to announce; the result ends that. */
  onChange(listener: (changes: Presence[]) => void): () => void;
  /** Calls `listener` with sessions that this node has reaped, or that were taken from it; the result ends that. */
  onGone(listener: (records: SessionRecord[], reason: GoneReason) => void): () => void;
  /** Calls `listener` with the fleet's models when this node is to announce them; the result ends that. */
  onUsage(listener: (models: string[]) => void): () => void;
}
