/**
 * Who uses which model now: collects what this node's sessions say, reports it to the fleet at most once a second,
 * and tells listeners when the fleet's models changed and this node is the one to announce it.
 */
import type { NodeId, SessionId } from "../protocol/ids.ts";
import { createUsagePool } from "./pool.ts";
import { ANNOUNCE_INTERVAL_MS, USAGE_TTL_MS, type UsageStore } from "./store.ts";

/** The usage pool as the rest of the server uses it. */
export interface UsageService {
  /** This session uses `model` for the next 3 seconds. Never waits for the store. */
  use(sid: SessionId, model: string): void;
  /** The session is gone. */
  end(sid: SessionId): void;
  /** The fleet's models as this node last heard. */
  models(): string[];
  /** Calls `listener` with the fleet's models when this node is to announce them; the result ends that. */
  onChange(listener: (models: string[]) => void): () => void;
  close(): Promise<void>;
}

/** Options of {@linkcode createUsage}. */
export interface UsageOptions {
  store: UsageStore;
  nodeId: NodeId;
  /** Gets what went wrong and will be tried again. */
  onError: (error: unknown) => void;
}

/** Makes the service and starts its one timer. */
export function createUsage({ store, nodeId, onError }: UsageOptions): UsageService {
  const pool = createUsagePool();
  const listeners = new Set<(models: string[]) => void>();
  let known: string[] = [];
  let reportedAt = -Infinity;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let reporting: Promise<void> | undefined;
  let wanted = false;
  let isAway = false;
  let closed = false;

  /** Reports as soon as a second has passed since the last report. */
  function reportSoon(): void {
    if (reporting) wanted = true;
    else wakeIn(Math.max(0, reportedAt + ANNOUNCE_INTERVAL_MS - Date.now()));
  }

  function wakeIn(ms: number): void {
    clearTimeout(timer);
    if (!closed) timer = setTimeout(() => reporting = report(), ms);
  }

  async function report(): Promise<void> {
    wanted = false;
    reportedAt = Date.now();
    const used = pool.models(reportedAt);
    try {
      const { models, change } = await store.report(nodeId, used);
      isAway = false;
      known = models;
      // what is used must be said again before it is forgotten, and somebody has to find out when use ends
      if (models.length > 0 || change === "soon") wanted = true;
      if (change === "announce") { for (const listener of listeners) listener([...models]); }
    } catch (error) {
      wanted = true;
      // until a try succeeds, the rest of the failures say the same
      if (!isAway) onError(error);
      isAway = true;
    }
    reporting = undefined;
    wakeIn(wanted ? ANNOUNCE_INTERVAL_MS : USAGE_TTL_MS);
  }

  wakeIn(USAGE_TTL_MS);
  return {
    use(sid, model) {
      if (pool.use(sid, model, { now: Date.now() })) reportSoon();
    },
    end(sid) {
      if (pool.end(sid)) reportSoon();
    },
    models: () => [...known],
    onChange(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    async close() {
      // what this node used runs out by itself, and a node that stays announces it
      closed = true;
      clearTimeout(timer);
      await reporting;
    },
  };
}
