/**
 * Clears away the sessions whose lease, or whose node's lease, has run out, and what depends on them. Its work grows
 * with what has expired, not with what there is, and goes in batches with room for other work in between.
 */
import { delay, type Log, type Loop, supervise } from "../supervise.ts";
import type { SessionRecord } from "./record.ts";
import type { SessionStore } from "./store.ts";

/**
 * Clears away what one subject keeps of sessions. It may be called again for a session it has cleared before, and for
 * one that is renewed at that moment: such a session is written again by its node.
 */
export type SessionCleaner = (records: readonly SessionRecord[], signal: AbortSignal) => Promise<void>;

/** What a reaper needs of a lock: one node reaps at a time. */
export interface ReaperLock {
  /** The lock until it is disposed of, or `undefined` when another node has it. */
  tryAcquire(): Promise<(AsyncDisposable & { readonly signal: AbortSignal }) | undefined>;
}

/** Options of {@linkcode createReaper}. */
export interface ReaperOptions {
  store: SessionStore;
  log: Log;
  /** By subject, in the order in which they run. */
  cleaners?: Readonly<Record<string, SessionCleaner>>;
  /** Not needed where there is one process. */
  lock?: ReaperLock;
  /** Milliseconds between sweeps; default 1000. */
  intervalMs?: number;
  /** Sessions a batch; default 100. */
  batchSize?: number;
  /** Milliseconds after which what a dead reaper had claimed is claimed again; default 10,000. */
  claimMs?: number;
  /** Called with the sessions of every batch, after they were cleared away. */
  onReaped?: (records: readonly SessionRecord[]) => void;
  /** Called with every error, for counting. */
  onError?: (error: unknown) => void;
}

/** A running reaper. Disposing it ends it after the batch under way. */
export interface Reaper extends AsyncDisposable {
  /** Clears away all that has expired; how many sessions that were. Rejects after a cleaner or the store failed. */
  sweep(signal?: AbortSignal): Promise<number>;
  /** The loop that sweeps. */
  readonly loop: Loop;
}

const DEFAULT_INTERVAL_MS = 1000;
const DEFAULT_BATCH_SIZE = 100;
const DEFAULT_CLAIM_MS = 10_000;

/** Creates a reaper and starts its loop. */
export function createReaper(options: ReaperOptions): Reaper {
  const { store, lock, log, cleaners = {}, onReaped, onError } = options;
  const { intervalMs = DEFAULT_INTERVAL_MS, batchSize = DEFAULT_BATCH_SIZE, claimMs = DEFAULT_CLAIM_MS } =
    options;

  async function sweep(signal: AbortSignal = new AbortController().signal): Promise<number> {
    if (!lock) return await sweepAll(signal);
    await using held = await lock.tryAcquire();
    return held ? await sweepAll(AbortSignal.any([signal, held.signal])) : 0;
  }

  async function sweepAll(signal: AbortSignal): Promise<number> {
    let reaped = 0;
    const errors: unknown[] = [];
    while (!signal.aborted) {
      const claim = await store.claimExpired({ limit: batchSize, claimMs });
      if (claim.records.length === 0) break;
      try {
        for (const clean of Object.values(cleaners)) await clean(claim.records, signal);
        await store.finish(claim);
        reaped += claim.records.length;
        onReaped?.(claim.records);
      } catch (error) {
        // this claim runs out and is tried again; the others need not wait for it
        errors.push(error);
      }
      await delay(0);
    }
    if (errors.length > 0) throw new AggregateError(errors, "Cannot clear away all expired sessions");
    if (reaped > 0) log.info("Expired sessions were cleared away", { sessions: reaped });
    return reaped;
  }

  const loop = supervise("Clearing away expired sessions", sweep, { intervalMs, log, onError });
  return { sweep, loop, [Symbol.asyncDispose]: () => loop[Symbol.asyncDispose]() };
}
