/** Which models are in use: by the sessions of a node, and by the nodes of a process. It is told the time, and has no timers. */
import type { NodeId, SessionId } from "../protocol/ids.ts";
import { ANNOUNCE_INTERVAL_MS, type FleetUsage, USAGE_TTL_MS } from "./store.ts";

/** The most models that one session can use at once; the one used longest ago gives way. */
export const MAX_MODELS_OF_SESSION = 10;

/** The usage of one node's sessions. */
export class UsagePool {
  // until when each session uses the model; the time is constant, so insertion order is time order
  readonly #sessionsOf = new Map<string, Map<SessionId, number>>();
  readonly #modelsOf = new Map<SessionId, Set<string>>();

  /** Counts `model` as used by `sid`. Whether it was not in use here. */
  use(sid: SessionId, model: string, { now }: { now: number }): boolean {
    const models = this.#modelsOf.get(sid) ?? new Set();
    this.#modelsOf.set(sid, models);
    models.delete(model);
    models.add(model);
    const isNew = !this.#sessionsOf.has(model);
    const sessions = this.#sessionsOf.get(model) ?? new Map();
    this.#sessionsOf.set(model, sessions);
    sessions.delete(sid);
    sessions.set(sid, now + USAGE_TTL_MS);
    const [oldest] = models;
    if (models.size > MAX_MODELS_OF_SESSION) this.#drop(sid, oldest!);
    return isNew;
  }

  /** Ends all use by `sid`. Whether a model is no longer in use. */
  end(sid: SessionId): boolean {
    let ended = false;
    for (const model of this.#modelsOf.get(sid) ?? []) ended = this.#drop(sid, model) || ended;
    return ended;
  }

  /** The models in use at `now`. */
  models(now: number): string[] {
    for (const [model, sessions] of this.#sessionsOf) {
      for (const [sid, until] of sessions) {
        if (until > now) break;
        this.#drop(sid, model);
      }
    }
    return [...this.#sessionsOf.keys()].sort();
  }

  #drop(sid: SessionId, model: string): boolean {
    const models = this.#modelsOf.get(sid);
    models?.delete(model);
    if (models?.size === 0) this.#modelsOf.delete(sid);
    const sessions = this.#sessionsOf.get(model);
    sessions?.delete(sid);
    return sessions?.size === 0 && this.#sessionsOf.delete(model);
  }
}

/** The usage of all nodes, in one process's memory. */
export class UsageReports {
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
