/** The roster that a fleet shares, in Redis. It holds no state in this process and no timer. */
import type { Presence, PresenceStatus } from "../protocol/events.ts";
import type { NodeId, SessionId, UserId } from "../protocol/ids.ts";
import { type KeyFamily, keyFamily } from "../redis/keys.ts";
import type { Argument, Redis, Reply } from "../redis/redis.ts";
import type { Script } from "../redis/script.ts";
import type { SessionRecord } from "./record.ts";
import { KEYS, PRESENCE, RECENT, REMOVE_NODE, TICK, WRITE } from "./scripts.ts";
import {
  ANNOUNCE_INTERVAL_MS,
  type Batch,
  type FleetUsage,
  type LeaveEntry,
  MAX_LISTED,
  MAX_SEEN,
  type PresencePage,
  type RecentOptions,
  type RosterStore,
  type SessionEntry,
  type Ticked,
  type TickOptions,
  USAGE_TTL_MS,
  type Writer,
  type Written,
} from "./store.ts";

export interface RedisRosterStoreOptions {
  redis: Redis;
  /** `REDIS_KEY_PREFIX`. */
  prefix: string;
  /** How long what is saved for a session outlives its lease, in milliseconds. */
  savedMs: number;
  /** The clock, in epoch milliseconds; default: Redis's own, which all nodes share. */
  now?: () => number;
}

/** The family of all keys of a fleet, in which one script may touch what several parts of the server keep. */
export const FLEET_FAMILY = "fleet";

// records a read: few enough that Redis and the event loop go on with other work in between
const BATCH_SIZE = 200;
// what has no lease of its own lives that long without any node
const TTL_MS = 60 * 60_000;

/** The caller owns the connection. */
export function createRedisRosterStore(options: RedisRosterStoreOptions): RosterStore {
  return new RedisRosterStore(options);
}

class RedisRosterStore implements RosterStore {
  readonly #redis: Redis;
  readonly #key: KeyFamily;
  readonly #keys: string[];
  readonly #savedMs: number;
  readonly #now: () => number | "";

  constructor({ redis, prefix, savedMs, now }: RedisRosterStoreOptions) {
    this.#redis = redis;
    this.#key = keyFamily(redis, prefix, FLEET_FAMILY);
    this.#keys = KEYS.map((name) => this.#key(name));
    this.#savedMs = savedMs;
    this.#now = now ?? (() => "");
  }

  async write(writer: Writer, { leaves, entries, silent = false }: Batch): Promise<Written> {
    const reply = await this.#write(WRITE, writer, [
      silent ? 1 : 0,
      leaves.length,
      ...leaves.flatMap((leave) => this.#argumentsOfLeave(leave)),
      ...entries.flatMap((entry) => this.#argumentsOfEntry(entry)),
    ]);
    const [epoch, known, changes = [], added = [], refused = [], taken = []] = reply as [
      ...[string, number, Reply, SessionId[], SessionId[], SessionId[]],
    ];
    return { epoch, isKnown: known === 1, changes: presences(changes), added, refused, taken };
  }

  async tick(writer: Writer, { limit, models: used }: TickOptions): Promise<Ticked> {
    const reply = await this.#write(TICK, writer, [
      limit,
      MAX_SEEN,
      USAGE_TTL_MS,
      ANNOUNCE_INTERVAL_MS,
      ...used,
    ]);
    const [epoch, known, changes = [], gone = [], more, change = "none", models = []] = reply as [
      ...[string, number, Reply, string[], number, FleetUsage["change"], string[]],
    ];
    return {
      epoch,
      isKnown: known === 1,
      changes: presences(changes),
      gone: gone.map((json) => JSON.parse(json)),
      hasMore: more === 1,
      usage: { models, change },
    };
  }

  async removeNode(nodeId: NodeId): Promise<void> {
    await this.#run(REMOVE_NODE, [nodeId]);
  }

  async get(sid: SessionId): Promise<SessionRecord | undefined> {
    const json = await this.#redis.send(["HGET", this.#key("session_pool"), sid]);
    return json === null ? undefined : JSON.parse(json as string);
  }

  async countOfUser(userId: UserId): Promise<number> {
    const marks = await this.#redis.send(["HVALS", this.#key("user_sessions", userId)]) as string[];
    return marks.filter((mark) => mark[1] === "+").length;
  }

  async size(): Promise<number> {
    return await this.#redis.send(["HLEN", this.#key("session_pool")]) as number;
  }

  async *entries(): AsyncGenerator<SessionRecord> {
    let cursor = "0";
    do {
      const reply = await this.#redis.send(["HSCAN", this.#key("session_pool"), cursor, "COUNT", BATCH_SIZE]);
      const [next, flat] = reply as [string, string[]];
      for (let i = 1; i < flat.length; i += 2) yield JSON.parse(flat[i]!);
      cursor = next;
    } while (cursor !== "0");
  }

  async presence(userIds: readonly UserId[]): Promise<Presence[]> {
    const [, , users] = await this.#run(PRESENCE, userIds.slice(0, MAX_LISTED)) as [number, number, Reply];
    return presences(users);
  }

  async recent({ limit, after }: RecentOptions): Promise<PresencePage> {
    const args = [Math.min(limit, MAX_LISTED), ...after === undefined ? [] : [after.id, after.at]];
    const [total, start, rows] = await this.#run(RECENT, args) as [number, number, Reply[]];
    const users = presences(rows), last = users.at(-1);
    const isLast = last === undefined || start + users.length >= total;
    return { users, total, next: isLast ? null : { id: last.id, at: last.lastActiveAt ?? 0 } };
  }

  async readSaved(pid: string): Promise<string | undefined> {
    return await this.#redis.send(["GET", this.#key("saved", pid)]) as string ?? undefined;
  }

  async takeSaved(pid: string): Promise<string | undefined> {
    return await this.#redis.send(["GETDEL", this.#key("saved", pid)]) as string ?? undefined;
  }

  onBack(listener: () => void): () => void {
    return this.#redis.on("up", listener);
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  #write(script: Script, { nodeId, leaseMs, epoch = "" }: Writer, args: Argument[]): Promise<Reply> {
    return this.#run(script, [this.#now(), epoch, crypto.randomUUID(), nodeId, leaseMs, TTL_MS, ...args]);
  }

  #run(script: Script, args: readonly Argument[]): Promise<Reply> {
    return this.#redis.run(script, { keys: this.#keys, args });
  }

  #argumentsOfLeave({ record, graceMs, lastActiveAt, saved }: LeaveEntry): Argument[] {
    const forget = saved?.forget ?? false;
    return [
      ...identity(record, lastActiveAt),
      graceMs,
      ...[saved?.pid ?? "", forget ? "" : saved?.value ?? "", forget ? 0 : this.#savedMs],
    ];
  }

  #argumentsOfEntry(entry: SessionEntry): Argument[] {
    const { record, leaseMs, active, lastActiveAt, maxOfUser = -1, saved } = entry;
    return [
      ...identity(record, lastActiveAt),
      ...[active ? 1 : 0, leaseMs, maxOfUser],
      ...[saved?.pid ?? "", saved?.value ?? "", leaseMs + this.#savedMs],
      JSON.stringify(record),
    ];
  }
}

function identity(
  { sid, user, nodeId, connectedAt }: SessionRecord,
  lastActiveAt: number | null,
): Argument[] {
  return [sid, user.id, user.name, nodeId, connectedAt, lastActiveAt ?? 0];
}

function presences(reply: Reply): Presence[] {
  return (reply as [UserId, string, PresenceStatus, string | null][]).map(([id, name, status, at]) => ({
    id,
    name,
    status,
    lastActiveAt: Number(at) || null,
  }));
}
