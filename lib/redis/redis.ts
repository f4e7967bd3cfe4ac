/**
 * What the stores see of Redis, whether it is one server, a Sentinel fleet or a Cluster.
 * A command while Redis is away fails at once; nothing is queued for later.
 */
import type { Script } from "./script.ts";

/** An argument of a command. */
export type Argument = string | number;

/** A reply; text comes as `string`. */
export type Reply = string | number | null | Reply[];

/** One call of a script. */
export interface ScriptCall {
  /** The keys it touches; on a Cluster they share a hash tag. */
  keys: readonly string[];
  args?: readonly Argument[];
}

/**
 * A connection that comes back by itself. A call rejects with a `ProtocolError` `server/unavailable` when Redis cannot
 * be reached ({@linkcode isRetriableError}); an error that Redis answers comes through as it is.
 */
export interface Redis extends AsyncDisposable {
  /** Whether commands have a chance at present. */
  readonly isUp: boolean;
  /** Whether it is a Cluster, where the keys of one script must share a hash tag. */
  readonly isCluster: boolean;
  /**
   * Sends one command; `key` chooses the cluster's node, default: the first argument after the command's name.
   * Commands of one turn of the event loop share one write.
   */
  send(args: readonly Argument[], options?: { key?: string }): Promise<Reply>;
  /** Runs a script, by its digest once the server has it. */
  run(script: Script, call: ScriptCall): Promise<Reply>;
  /** Calls `listener` at every change to up or down; returns the function that ends that. */
  on(event: "up" | "down", listener: () => void): () => void;
  /** Resolves when Redis is up; rejects when `signal` aborts or the connection is closed. */
  whenUp(signal?: AbortSignal): Promise<void>;
  /** A second connection of the same kind, for what blocks. The caller closes it. */
  duplicate(): Redis;
  /** Ends the connection for good. Commands under way are rejected. */
  close(): Promise<void>;
}
