/**
 * Many nodes as one: builds the link, what rides on it, and says whether this node hears the others. When it did not
 * for a while, what it holds in memory is read again before it counts as whole.
 */
import type { Metrics } from "../metrics.ts";
import { keyFamily } from "../redis/keys.ts";
import type { Redis } from "../redis/redis.ts";
import type { Log } from "../supervise.ts";
import type { Bus } from "./node_bus.ts";
import { createPacketLog } from "./packet_log.ts";
import { createRecovery, MAX_DISCONNECTION_MS, type Recovery } from "./recovery.ts";
import type { AdapterConstructor } from "./adapter_constructor.ts";
import { createFleetAdapter } from "./adapter.ts";
import { createFleetBus } from "./bus.ts";
import { createLink } from "./link.ts";
import { createRedisSessions } from "./sessions.ts";
import { createStreamClient } from "./stream_client.ts";

/** Options of {@linkcode createFleet}. */
export interface FleetOptions {
  redis: Redis;
  /** `REDIS_KEY_PREFIX`. */
  prefix: string;
  nodeId: string;
  /** As in `createRecovery`. */
  inFlightMs: number;
  maxPayloadBytes: number;
  log: Log;
  metrics: Metrics;
}

/** A node's part in the fleet. */
export interface Fleet extends AsyncDisposable {
  /** For Socket.IO. */
  readonly adapter: AdapterConstructor;
  readonly recovery: Recovery;
  readonly bus: Bus;
  /** Why events of other nodes may be missing now; `undefined` when all is well. */
  readonly degraded: string | undefined;
  /** The other nodes that were heard in the last seconds. */
  others(): string[];
  /** Calls `listener` when that begins and ends: then what was read before is to be read again. */
  onDegraded(listener: (degraded: boolean) => void): () => void;
}

const START_TIMEOUT_MS = 3000;
// what is missing comes in bursts: tell of it once
const HEAL_AFTER_MS = 500;

/** Makes the fleet of this node; resolves when it hears, or after some seconds without Redis. */
export async function createFleet(options: FleetOptions): Promise<Fleet> {
  const { redis, prefix, nodeId, inFlightMs, maxPayloadBytes, log, metrics } = options;
  const key = keyFamily(redis, prefix, "fleet");
  const keepMs = MAX_DISCONNECTION_MS + inFlightMs;
  const packets = createPacketLog({ keepMs });
  const listeners = new Set<(degraded: boolean) => void>();
  let degraded: string | undefined, isDeaf = false;
  let healing: ReturnType<typeof setTimeout> | undefined;

  function degrade(reason: string): void {
    clearTimeout(healing);
    if (!isDeaf) healing = setTimeout(heal, HEAL_AFTER_MS);
    packets.forget();
    if (degraded !== undefined) return;
    log.warn("Events of the fleet may be missing", { reason });
    setDegraded(reason);
  }

  function heal(): void {
    log.info("The fleet is heard again");
    packets.forget();
    setDegraded(undefined);
  }

  function setDegraded(reason: string | undefined): void {
    degraded = reason;
    for (const listener of listeners) listener(reason !== undefined);
  }

  const bus = createFleetBus({ link: () => link, nodeId, maxPayloadBytes, log });
  const link = createLink({
    ...{ redis, nodeId, keepMs, log },
    key: key("fleet", "stream"),
    onHeard(position, message) {
      adapter.hear(position, message !== undefined && bus.hear(message) ? undefined : message);
    },
    onMissed: degrade,
    onDeaf(reason) {
      isDeaf = reason !== undefined;
      degrade(reason ?? degraded!);
    },
    onError: () => metrics.loopErrors.inc({ loop: "Fleet" }),
  });
  const subscriber = redis.duplicate();
  const recovery = createRecovery({
    ...{ packets, inFlightMs },
    sessions: createRedisSessions({ redis, key: (pid) => key("fleet", "session", pid), log }),
    heard: (position) => link.heard(position),
  });
  const adapter = createFleetAdapter({
    ...{ link, packets, recovery, maxPayloadBytes, log },
    client: createStreamClient({ redis, subscriber, link, log }),
    channelPrefix: key("fleet", "requests"),
  });
  await link.whenHearing(AbortSignal.timeout(START_TIMEOUT_MS));

  return {
    adapter: adapter.adapter,
    recovery,
    bus,
    get degraded() {
      return degraded;
    },
    others: () => link.others(),
    onDegraded(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    async [Symbol.asyncDispose]() {
      clearTimeout(healing);
      await link[Symbol.asyncDispose]();
      await subscriber.close();
    },
  };
}
