/** The usage of a single process, or of several services in one process. */
import type { NodeId } from "../protocol/ids.ts";
import { ANNOUNCE_INTERVAL_MS, type FleetUsage, USAGE_TTL_MS, type UsageStore } from "./store.ts";

/** Makes an empty store; `now` is the clock in milliseconds. */
export function createMemoryUsageStore(now: () => number = Date.now): UsageStore {
  const nodes = new Map<NodeId, { models: readonly string[]; until: number }>();
  let announced = "[]";
  let announcedAt = -Infinity;

  function report(nodeId: NodeId, reported: readonly string[]): FleetUsage {
    const at = now();
    nodes.delete(nodeId);
    if (reported.length > 0) nodes.set(nodeId, { models: reported, until: at + USAGE_TTL_MS });
    for (const [id, { until }] of nodes) if (until <= at) nodes.delete(id);
    const models = [...new Set([...nodes.values()].flatMap((node) => node.models))].sort();
    if (JSON.stringify(models) === announced) return { models, change: "none" };
    if (at - announcedAt < ANNOUNCE_INTERVAL_MS) return { models, change: "soon" };
    announced = JSON.stringify(models);
    announcedAt = at;
    return { models, change: "announce" };
  }

  return { report: (nodeId, models) => Promise.resolve(report(nodeId, models)) };
}
