/** Which sessions of this node use which model now. The pool is pure: it is told the time and has no timers. */
import type { SessionId } from "../protocol/ids.ts";
import { USAGE_TTL_MS } from "./store.ts";

/** The most models that one session can use at once; the one used longest ago gives way. */
export const MAX_MODELS_OF_SESSION = 10;

/** The usage of one node's sessions. */
interface UsagePool {
  /** Counts `model` as used by `sid`. Whether it was not in use here. */
  use(sid: SessionId, model: string, options: { now: number }): boolean;
  /** Ends all use by `sid`. Whether a model is no longer in use. */
  end(sid: SessionId): boolean;
  /** The models in use at `now`. */
  models(now: number): string[];
}

/** Makes an empty pool. */
export function createUsagePool(): UsagePool {
  // until when each session uses the model; the time is constant, so insertion order is time order
  const sessionsOf = new Map<string, Map<SessionId, number>>();
  const modelsOf = new Map<SessionId, Set<string>>();

  function drop(sid: SessionId, model: string): boolean {
    const models = modelsOf.get(sid);
    models?.delete(model);
    if (models?.size === 0) modelsOf.delete(sid);
    const sessions = sessionsOf.get(model);
    sessions?.delete(sid);
    return sessions?.size === 0 && sessionsOf.delete(model);
  }

  return {
    use(sid, model, { now }) {
      const models = modelsOf.get(sid) ?? new Set();
      modelsOf.set(sid, models);
      models.delete(model);
      models.add(model);
      const isNew = !sessionsOf.has(model);
      const sessions = sessionsOf.get(model) ?? new Map();
      sessionsOf.set(model, sessions);
      sessions.delete(sid);
      sessions.set(sid, now + USAGE_TTL_MS);
      const [oldest] = models;
      if (models.size > MAX_MODELS_OF_SESSION && oldest !== undefined) drop(sid, oldest);
      return isNew;
    },
    end(sid) {
      let ended = false;
      for (const model of modelsOf.get(sid) ?? []) ended = drop(sid, model) || ended;
      return ended;
    },
    models(now) {
      for (const [model, sessions] of sessionsOf) {
        for (const [sid, until] of sessions) {
          if (until > now) break;
          drop(sid, model);
        }
      }
      return [...sessionsOf.keys()].sort();
    },
  };
}
