/** What the usage pool needs of a store: each node reports what it uses, and one node hears that the whole changed. */
import type { NodeId } from "../protocol/ids.ts";

/** How long a model counts as used after it was last said to be. */
export const USAGE_TTL_MS = 3_000;
/** The shortest time between two announcements of the fleet. */
export const ANNOUNCE_INTERVAL_MS = 1_000;

/** The models that a fleet uses now. */
export interface FleetUsage {
  /** In alphabetical order. */
  models: string[];
  /**
   * `announce`: they changed since they were last announced, and the caller is the one to announce it;
   * `soon`: they changed too soon after the last announcement, ask again; `none`: they did not change.
   */
  change: "announce" | "soon" | "none";
}

/** The usage of all nodes. */
export interface UsageStore {
  /** Replaces what a node uses, which then counts for {@linkcode USAGE_TTL_MS}; one atomic step. */
  report(nodeId: NodeId, models: readonly string[]): Promise<FleetUsage>;
}
