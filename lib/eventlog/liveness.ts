/**
 * Whether this node hears its fleet, and which others are there. Its sign of life goes into its own inbox every second;
 * when it no longer reads them it is deaf. What it holds in the fleet is renewed with each, and told again when Redis
 * may have forgotten.
 */
import type { Redis } from "../redis/redis.ts";
import type { Log } from "../log.ts";
import { type Loop, supervise } from "../supervise.ts";
import type { Beat, FleetStore } from "./fleet_store.ts";
import type { Inbox } from "./inbox.ts";
import { comparePositions, type Position, positionAt, timeOf } from "./position.ts";
import type { Routes } from "./routes.ts";

/** Options of {@linkcode createLiveness}. */
interface LivenessOptions {
  nodeId: string;
  redis: Pick<Redis, "isUp" | "on">;
  store: FleetStore;
  inbox: Inbox;
  routes: Routes;
  /** How long a node counts as there, in milliseconds. */
  leaseMs: number;
  clearAfterMs: number;
  /** The node hears no more (with the reason), or hears again. */
  onDeaf: (reason: string | undefined) => void;
  /** What others sent is lost. */
  onMissed: (reason: string) => void;
  /** Called with every sign. */
  onTick: () => void;
  log: Log;
  onError: (error: unknown) => void;
}

/** The life of a node in its fleet. Disposing it ends its signs. */
interface Liveness extends AsyncDisposable {
  /** Resolves when the node hears for the first time, or `signal` aborts. */
  whenHearing(signal: AbortSignal): Promise<void>;
  /** A sign of this node was read. */
  read(entry: Position): void;
  /** Whether a node has shown a sign of life within its lease. */
  isAlive(node: string): boolean;
  /** The other nodes that have within so many milliseconds. */
  others(withinMs: number): string[];
}

const INTERVAL_MS = 1000;
/** So many of its signs must stay unread before a node counts as deaf. */
const MAX_UNREAD = 3;

/** Starts to show signs of life. */
export function createLiveness(options: LivenessOptions): Liveness {
  const { nodeId, redis, store, inbox, routes, leaseMs, clearAfterMs } = options;
  const { onDeaf, onMissed, onTick, log, onError } = options;
  const hearing = Promise.withResolvers<void>();
  let beating: Promise<void> | undefined, clearing: Promise<void> | undefined;
  let last: (Beat & { at: number }) | undefined;
  let unread = 0, isDeaf = false, isForgotten = false;

  function setDeaf(reason: string | undefined): void {
    if (isDeaf === (reason !== undefined)) return;
    isDeaf = !isDeaf;
    onDeaf(reason);
  }

  function reopen(): void {
    setDeaf(redis.isUp ? "The fleet is not heard" : "Redis is away");
    unread = 0;
    // a Redis with another clock has begun again, behind what was read
    const isBehind = last !== undefined && comparePositions(last.entry, inbox.position) < 0;
    inbox.reopen(isBehind ? positionAt(timeOf(last!.entry) - 1) : undefined);
  }

  async function beat(): Promise<void> {
    const due = routes.due();
    try {
      const now = await store.beat(due, { withinMs: leaseMs });
      routes.settle(due, true);
      if (last !== undefined) look(last, now);
      last = { ...now, at: performance.now() };
      if (isForgotten) await routes.restore();
      isForgotten = false;
      if (now.dead !== undefined && now.dead !== nodeId) clearing ??= clear(now.dead);
    } catch (error) {
      routes.settle(due, false);
      log.debug("A sign of life was not shown", { error });
    }
  }

  /** Looks for what may be lost between two signs. */
  function look(before: Beat, now: Beat): void {
    const isLost = now.run !== before.run || now.ageMs < 0 || now.ageMs >= clearAfterMs;
    isForgotten ||= isLost;
    if (isLost) onMissed("Redis may have lost events");
    else if (comparePositions(now.first, inbox.position) > 0) {
      onMissed("Events were dropped before they were read");
    }
  }

  async function clear(node: string): Promise<void> {
    try {
      while (await store.clear(node));
    } catch (error) {
      log.debug("A dead node was not cleared away", { error });
    } finally {
      clearing = undefined;
    }
  }

  // waits for nothing, so that it also notices a Redis that does not answer
  function tick(): void {
    if (++unread > MAX_UNREAD) reopen();
    onTick();
    if (redis.isUp) beating ??= beat().finally(() => beating = undefined);
  }

  const loop: Loop = supervise("Showing signs of life", tick, { intervalMs: INTERVAL_MS, log, onError });
  loop.wake();
  const off = redis.on("up", loop.wake);

  const ageOf = (node: string): number =>
    (last?.nodes.get(node) ?? Infinity) + performance.now() - (last?.at ?? 0);

  return {
    async whenHearing(signal) {
      const aborted = new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve()));
      await Promise.race([hearing.promise, aborted]);
    },
    read(entry) {
      // what was read late is no sign that it hears what is sent now
      if (last !== undefined && comparePositions(entry, last.entry) < 0) return;
      unread = 0;
      hearing.resolve();
      setDeaf(undefined);
    },
    isAlive: (node) => ageOf(node) < leaseMs,
    others(withinMs) {
      const nodes = [...last?.nodes.keys() ?? []];
      return nodes.filter((node) => node !== nodeId && ageOf(node) < withinMs);
    },
    async [Symbol.asyncDispose]() {
      off();
      await loop[Symbol.asyncDispose]();
      await beating;
      await clearing;
    },
  };
}
