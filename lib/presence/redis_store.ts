/** The presence of a fleet, in Redis. It holds no state in this process and no timer. */
import type { Presence, PresenceStatus } from "../protocol/events.ts";
import type { SessionId, UserId } from "../protocol/ids.ts";
import { keyFamily } from "../redis/keys.ts";
import type { Argument, Redis, Reply } from "../redis/redis.ts";
import type { Script } from "../redis/script.ts";
import { KEYS, LEAVE, PUT, READ, RECENT, REMOVE, SETTLE, TOUCH } from "./scripts.ts";
import { MAX_SEEN, type PresenceStore, type Seen, type SessionPresence, type Settled } from "./store.ts";

/** Options of {@linkcode createRedisPresenceStore}. */
export interface RedisPresenceStoreOptions {
  redis: Redis;
  /** `REDIS_KEY_PREFIX`. */
  prefix: string;
  /** How long a session that left still counts. */
  graceMs: number;
  /** The clock, in epoch milliseconds; default: Redis's own, which all nodes share. */
  now?: () => number;
}

// items a script: few enough that Redis goes on with other work in between
const BATCH_SIZE = 200;
const MAX_READ = 1_000;
// what the living part of the store lives without any node
const TTL_MS = 60 * 60_000;

/** Creates the {@linkcode PresenceStore} of a Redis. The caller closes the connection. */
export function createRedisPresenceStore(options: RedisPresenceStoreOptions): PresenceStore {
  return new RedisPresenceStore(options);
}

class RedisPresenceStore implements PresenceStore {
  readonly #redis: Redis;
  readonly #keys: string[];
  readonly #graceMs: number;
  readonly #now: () => number | "";

  constructor({ redis, prefix, graceMs, now }: RedisPresenceStoreOptions) {
    this.#redis = redis;
    const key = keyFamily(redis, prefix, "presence");
    this.#keys = KEYS.map((name) => key(name));
    this.#graceMs = graceMs;
    this.#now = now ?? (() => "");
  }

  async put(sessions: readonly SessionPresence[], { silent = false } = {}): Promise<Presence[]> {
    const replies = await this.#runBatches(PUT, [silent ? 1 : 0], sessions.map(argumentsOfPut));
    return replies.flatMap(presences);
  }

  async leave(sessions: readonly SessionPresence[], { graceMs = this.#graceMs } = {}): Promise<void> {
    await this.#runBatches(LEAVE, [this.#now(), graceMs], sessions.map(argumentsOfLeave));
  }

  async remove(sids: readonly SessionId[]): Promise<Presence[]> {
    return (await this.#runBatches(REMOVE, [], sids.map((sid) => [sid]))).flatMap(presences);
  }

  async settle(): Promise<Settled> {
    const args = [this.#now(), BATCH_SIZE, crypto.randomUUID(), TTL_MS];
    const [epoch, waitMs, changes] = await this.#run(SETTLE, args) as [string, number, Reply];
    return { changes: presences(changes), waitMs: waitMs < 0 ? null : waitMs, epoch };
  }

  async touch(seen: readonly Seen[]): Promise<void> {
    await this.#runBatches(TOUCH, [MAX_SEEN], seen.map(({ id, name, at }) => [id, name, at]));
  }

  async read(userIds: readonly UserId[]): Promise<Presence[]> {
    return presences(await this.#run(READ, userIds.slice(0, MAX_READ)));
  }

  async recent(limit: number): Promise<Presence[]> {
    return presences(await this.#run(RECENT, [Math.min(limit, MAX_READ)]));
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  /** Runs a script over all items, as many at once as do not hold up Redis. */
  async #runBatches(script: Script, head: Argument[], items: readonly Argument[][]): Promise<Reply[]> {
    const replies: Reply[] = [];
    for (let start = 0; start < items.length; start += BATCH_SIZE) {
      replies.push(await this.#run(script, [...head, ...items.slice(start, start + BATCH_SIZE).flat()]));
    }
    return replies;
  }

  #run(script: Script, args: readonly Argument[]): Promise<Reply> {
    return this.#redis.run(script, { keys: this.#keys, args });
  }
}

function argumentsOfPut({ sid, user, owner, active, lastActiveAt }: SessionPresence): Argument[] {
  return [sid, user.id, user.name, owner, active ? 1 : 0, lastActiveAt ?? 0];
}

function argumentsOfLeave({ sid, user, owner, lastActiveAt }: SessionPresence): Argument[] {
  return [sid, user.id, user.name, owner, lastActiveAt ?? 0];
}

function presences(reply: Reply): Presence[] {
  return (reply as [UserId, string, PresenceStatus, string | null][]).map(([id, name, status, at]) => ({
    id,
    name,
    status,
    lastActiveAt: Number(at) || null,
  }));
}
