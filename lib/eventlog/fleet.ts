/** A node's part in its fleet: its inbox, what it sends, what it holds, and whether it hears the others. */
import { Emitter } from "../emitter.ts";
import type { Metrics } from "../metrics.ts";
import type { Redis } from "../redis/redis.ts";
import type { Log } from "../log.ts";
import { numberOf, senderOf } from "./entry.ts";
import { createFleetAdapter, type FleetAdapter } from "./fleet_adapter.ts";
import { createFleetBus, LEASE_MS } from "./fleet_bus.ts";
import { createFleetRecovery } from "./fleet_recovery.ts";
import { createFleetStore, SILENT_MS } from "./fleet_store.ts";
import { createInbox } from "./inbox.ts";
import { createInboxHistory } from "./inbox_history.ts";
import { createLiveness } from "./liveness.ts";
import type { AdapterConstructor } from "./memory_adapter.ts";
import type { NodeBus } from "./node_bus.ts";
import { createOutbox } from "./outbox.ts";
import type { Position } from "./position.ts";
import { MAX_DISCONNECTION_MS, type Recovery } from "./recovery.ts";
import { createRoutes } from "./routes.ts";

/** Options of {@linkcode createFleet}. */
interface FleetOptions {
  redis: Redis;
  /** `REDIS_KEY_PREFIX`. */
  prefix: string;
  nodeId: string;
  /** Reads what is kept under a session's private id, by whichever node. */
  readSaved: (pid: string) => Promise<string | undefined>;
  /** The longest time that a packet to a dead connection can have been under way, in milliseconds. */
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
  readonly bus: NodeBus;
  /** Why events of other nodes may be missing now; `undefined` when all is well. */
  readonly degraded: string | undefined;
  /** The other nodes that were heard in the last seconds. */
  others(): string[];
  /** Has the fleet know that this node holds rooms, before there is a member. */
  prepare(rooms: readonly string[]): Promise<void> | undefined;
  /** Calls `listener` when that begins and ends: then what was read before is to be read again. */
  onDegraded(listener: (degraded: boolean) => void): () => void;
  /** Calls `listener` with rooms whose members have missed something. */
  onMissed(listener: (rooms: readonly string[]) => void): () => void;
}

const START_TIMEOUT_MS = 3000;
// what is missing comes in bursts: tell of it once
const HEAL_AFTER_MS = 500;
const MISSED = "missed";
const MAX_MISSED_ROOMS = 1000;
// how much later than the last moment something is dropped that others may still ask for
const MARGIN_MS = 30_000;

/** Joins the fleet; resolves when this node hears, or after some seconds without Redis. */
export async function createFleet(options: FleetOptions): Promise<Fleet> {
  const { redis, prefix, nodeId, readSaved, inFlightMs, maxPayloadBytes, log, metrics } = options;
  const onError = (): void => metrics.loopErrors.inc({ loop: "Fleet" });
  const clearAfterMs = LEASE_MS + MAX_DISCONNECTION_MS + MARGIN_MS;
  const store = createFleetStore({
    redis,
    prefix,
    nodeId,
    keepMs: MAX_DISCONNECTION_MS + inFlightMs + MARGIN_MS,
    clearAfterMs,
  });
  const events = new Emitter<{ degraded: [boolean]; missed: [rooms: readonly string[]] }>((error) =>
    log.error("A listener to the fleet failed", { error })
  );
  let degraded: string | undefined, isDeaf = false;
  let healing: ReturnType<typeof setTimeout> | undefined;
  let adapter: FleetAdapter | undefined;
  /** Who misses something on other nodes, and is to be told. */
  const missing = new Set<string>();
  let doAllMiss = false;

  function degrade(reason: string): void {
    clearTimeout(healing);
    if (!isDeaf) healing = setTimeout(heal, HEAL_AFTER_MS);
    if (degraded !== undefined) return;
    degraded = reason;
    log.warn("Events of the fleet may be missing", { reason });
    events.emit("degraded", true);
  }

  function heal(): void {
    degraded = undefined;
    log.info("The fleet is heard again");
    events.emit("degraded", false);
  }

  function tellMissed(rooms: readonly string[]): void {
    // else all are told
    if (degraded === undefined) events.emit("missed", rooms);
  }

  const outbox = createOutbox({
    write: store.publish,
    prepare: store.load,
    isUp: () => redis.isUp,
    onMissed(rooms) {
      doAllMiss ||= rooms.length === 0 || missing.size + rooms.length > MAX_MISSED_ROOMS;
      for (const room of doAllMiss ? [] : rooms) missing.add(room);
    },
    log,
  });
  const routes = createRoutes({
    write: store.hold,
    onLate: tellMissed,
    graceMs: MAX_DISCONNECTION_MS + MARGIN_MS,
  });
  const bus = createFleetBus({
    send: outbox.add,
    routes,
    isAlive: (node) => liveness.isAlive(node),
    maxPayloadBytes,
    log,
  });
  const inbox = createInbox({
    redis,
    key: store.inbox,
    onEntry(entry, fields) {
      if (senderOf(fields) !== nodeId) return adapter?.read(entry, fields);
      if (fields.length > 2) outbox.read(numberOf(fields), entry);
      else liveness.read(entry);
    },
    onLost: outbox.release,
    log,
    onError,
  });
  const liveness = createLiveness({
    nodeId,
    redis,
    store,
    inbox,
    routes,
    leaseMs: LEASE_MS,
    clearAfterMs,
    onDeaf(reason) {
      isDeaf = reason !== undefined;
      outbox.setPatient(!isDeaf);
      degrade(reason ?? degraded!);
    },
    onMissed: degrade,
    onTick() {
      outbox.tick();
      bus.tick();
      history.tick();
      adapter?.tick();
      if (redis.isUp && !isDeaf && (doAllMiss || missing.size > 0)) {
        const rooms = doAllMiss ? [] : [...missing];
        bus.publish(MISSED, rooms, { rooms });
        missing.clear();
        doAllMiss = false;
      }
    },
    log,
    onError,
  });
  bus.on(MISSED, (rooms) => {
    const named = rooms as string[];
    if (named.length === 0) degrade("Another node could not send for a while");
    else tellMissed(named);
  });
  const off = [redis.on("up", outbox.resend), redis.on("down", outbox.release)];
  const history = createInboxHistory(store);

  function positionOf(place: Position = inbox.position): Position | undefined {
    if (place === "0-0") return undefined;
    return outbox.ahead === 0 ? place : `${place}+${outbox.ahead}@${nodeId}`;
  }

  const recovery = createFleetRecovery({
    nodeId,
    store,
    history,
    inbox,
    routes,
    readSaved,
    bus,
    adapter: () => adapter!,
    position: positionOf,
    inFlightMs,
    log,
  });
  await liveness.whenHearing(AbortSignal.timeout(START_TIMEOUT_MS));

  return {
    adapter: createFleetAdapter({
      nodeId,
      send: outbox.add,
      routes,
      bus,
      recovery,
      positionOf,
      others: () => liveness.others(SILENT_MS).length,
      maxPayloadBytes,
      log,
    }, (made) => adapter = made),
    recovery,
    bus,
    get degraded() {
      return degraded;
    },
    others: () => liveness.others(SILENT_MS),
    prepare(rooms) {
      const held = routes.hold(rooms);
      for (const room of rooms) if (!adapter?.rooms.has(room)) routes.leave(room);
      return held;
    },
    onDegraded: (listener) => events.on("degraded", listener),
    onMissed: (listener) => events.on("missed", listener),
    async [Symbol.asyncDispose]() {
      for (const stop of off) stop();
      clearTimeout(healing);
      await liveness[Symbol.asyncDispose]();
      outbox.close();
      await inbox[Symbol.asyncDispose]();
    },
  };
}
