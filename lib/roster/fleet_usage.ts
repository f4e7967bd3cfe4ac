/** The models that nodes say they use, in one process's memory. */
import type { NodeId } from "../protocol/ids.ts";
import { ANNOUNCE_INTERVAL_MS, type FleetUsage, USAGE_TTL_MS } from "./store.ts";

/** What the nodes use now. It is told the time and has no timers. */
export class FleetUsageReports {
  readonly #nodes = new Map<NodeId, { models: readonly string[]; until: number }>();
  #announced = "[]";
  #announcedAt = -Infinity;

  /** Replaces what a node uses. */
  report(nodeId: NodeId, used: readonly string[], now: number): FleetUsage {
    this.#nodes.delete(nodeId);
    if (used.length > 0) this.#nodes.set(nodeId, { models: used, until: now + USAGE_TTL_MS });
    for (const [id, { until }] of this.#nodes) if (until <= now) this.#nodes.delete(id);
    const models = [...new Set([...this.#nodes.values()].flatMap((node) => node.models))].sort();
    const text = JSON.stringify(models);
    if (text === this.#announced) return { models, change: "none" };
    if (now - this.#announcedAt < ANNOUNCE_INTERVAL_MS) return { models, change: "soon" };
    this.#announced = text;
    this.#announcedAt = now;
    return { models, change: "announce" };
  }
}
