/** The session store that a fleet shares. It holds no state in this process and no timer. */
import type { NodeId, SessionId, UserId } from "../protocol/ids.ts";
import { type KeyFamily, keyFamily } from "../redis/keys.ts";
import type { Argument, Redis, Reply } from "../redis/redis.ts";
import type { Script } from "../redis/script.ts";
import type { SessionRecord } from "./record.ts";
import { CLAIM, FINISH, OF_USER, PUT, REMOVE, REMOVE_NODE, RENEW_NODE } from "./scripts.ts";
import type { ClaimOptions, ExpiredClaim, PutResult, SessionEntry, SessionStore } from "./store.ts";

/** Options of {@linkcode createRedisSessionStore}. */
export interface RedisSessionStoreOptions {
  redis: Redis;
  /** `REDIS_KEY_PREFIX`. */
  prefix: string;
  /** The clock, in epoch milliseconds; default `Date.now`. Those of a fleet agree within a second or two. */
  now?: () => number;
}

/** The family of all session keys. */
export const SESSION_FAMILY = "sessions";

// records a script: few enough that Redis and the event loop go on with other work in between
const BATCH_SIZE = 200;
// what the sets of users and nodes live beyond the last lease in them, so that a reaper still finds them
const GRACE_MS = 60 * 60_000;

/** Creates the {@linkcode SessionStore} of a Redis. The caller owns the connection. */
export function createRedisSessionStore(options: RedisSessionStoreOptions): SessionStore {
  return new RedisSessionStore(options);
}

class RedisSessionStore implements SessionStore {
  readonly #redis: Redis;
  readonly #now: () => number;
  readonly #key: KeyFamily;
  readonly #pool: string;
  readonly #leases: string;
  readonly #nodes: string;

  constructor({ redis, prefix, now = Date.now }: RedisSessionStoreOptions) {
    this.#redis = redis;
    this.#now = now;
    this.#key = keyFamily(redis, prefix, SESSION_FAMILY);
    this.#pool = this.#key("session_pool");
    this.#leases = this.#key("session_leases");
    this.#nodes = this.#key("nodes");
  }

  async put(entries: readonly SessionEntry[]): Promise<PutResult> {
    const result: PutResult = { added: [], refused: [], taken: [] };
    for (const batch of batches(entries)) {
      const ttlMs = Math.max(0, ...batch.map(({ leaseUntil }) => leaseUntil - this.#now())) + GRACE_MS;
      const reply = await this.#run(PUT, [ttlMs, ...batch.flatMap(argumentsOfEntry)]);
      const [added, refused, taken] = reply as [SessionId[], SessionId[], SessionId[]];
      result.added.push(...added);
      result.refused.push(...refused);
      result.taken.push(...taken);
    }
    return result;
  }

  async remove(records: readonly SessionRecord[]): Promise<void> {
    for (const batch of batches(records)) {
      const args = batch.flatMap(({ sid, user, nodeId, connectedAt }) => [sid, user.id, nodeId, connectedAt]);
      await this.#run(REMOVE, args);
    }
  }

  async get(sid: SessionId): Promise<SessionRecord | undefined> {
    return parseAll([await this.#redis.send(["HGET", this.#pool, sid])])[0];
  }

  async ofUser(userId: UserId): Promise<SessionRecord[]> {
    const keys = [this.#pool, this.#key("user_sessions", userId)];
    return parseAll(await this.#redis.run(OF_USER, { keys }));
  }

  async countOfUser(userId: UserId): Promise<number> {
    return await this.#redis.send(["SCARD", this.#key("user_sessions", userId)]) as number;
  }

  async size(): Promise<number> {
    return await this.#redis.send(["HLEN", this.#pool]) as number;
  }

  async *entries(): AsyncGenerator<SessionRecord> {
    let cursor = "0";
    do {
      const reply = await this.#redis.send(["HSCAN", this.#pool, cursor, "COUNT", BATCH_SIZE]);
      const [next, flat] = reply as [string, string[]];
      yield* parseAll(flat.filter((_, i) => i % 2 === 1));
      cursor = next;
    } while (cursor !== "0");
  }

  async renewNode(nodeId: NodeId, leaseUntil: number): Promise<boolean> {
    const args = [nodeId, this.#now(), leaseUntil];
    return await this.#redis.run(RENEW_NODE, { keys: [this.#nodes], args }) === 1;
  }

  async removeNode(nodeId: NodeId): Promise<void> {
    const keys = [this.#nodes, this.#key("node_sessions", nodeId)];
    await this.#redis.run(REMOVE_NODE, { keys, args: [nodeId] });
  }

  async claimExpired({ limit, claimMs }: ClaimOptions): Promise<ExpiredClaim> {
    const now = this.#now();
    const token = Math.floor(now + claimMs) - 0.5;
    const keys = [this.#pool, this.#leases, this.#nodes, this.#key("node_sessions", "")];
    const reply = await this.#redis.run(CLAIM, { keys, args: [now, token, Math.min(limit, BATCH_SIZE)] });
    return { records: parseAll(reply), token };
  }

  async finish({ records, token }: ExpiredClaim): Promise<void> {
    if (records.length === 0) return;
    await this.#run(FINISH, [token, ...records.flatMap(({ sid, user, nodeId }) => [sid, user.id, nodeId])]);
  }

  onBack(listener: () => void): () => void {
    return this.#redis.on("up", listener);
  }

  #run(script: Script, args: Argument[]): Promise<Reply> {
    const keys = [this.#pool, this.#leases, this.#key("user_sessions", ""), this.#key("node_sessions", "")];
    return this.#redis.run(script, { keys, args });
  }
}

function argumentsOfEntry({ record, leaseUntil, maxOfUser = -1 }: SessionEntry): Argument[] {
  const { sid, user, nodeId, connectedAt } = record;
  return [sid, user.id, nodeId, connectedAt, Math.floor(leaseUntil), maxOfUser, JSON.stringify(record)];
}

function parseAll(reply: Reply): SessionRecord[] {
  return (reply as (string | null)[]).filter((json) => json !== null).map((json) => JSON.parse(json));
}

function* batches<T>(items: readonly T[]): Generator<readonly T[]> {
  for (let i = 0; i < items.length; i += BATCH_SIZE) yield items.slice(i, i + BATCH_SIZE);
}
