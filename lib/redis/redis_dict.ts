/** The dictionary that a fleet shares: one Redis hash, read and written in batches, never in one huge reply. */
import type { Dict } from "./dict.ts";
import type { KeyFamily } from "./keys.ts";
import type { Redis } from "./redis.ts";
import { script } from "./script.ts";

/** Options of {@linkcode createRedisDict}. */
export interface RedisDictOptions {
  redis: Redis;
  /** Builds the dictionary's keys; a family of its own, or one with what shares its scripts. */
  keys: KeyFamily;
  /** The dictionary's name in its family. */
  name: string;
  /** Entries a command, both ways; default 500. */
  batchSize?: number;
}

const DEFAULT_BATCH_SIZE = 500;
/** What a crashed {@linkcode Dict.replaceAll} leaves behind goes away after this. */
const STAGED_MS = 60_000;

const SET_DEFAULT = script(`
-- KEYS  1 the hash
-- ARGV  1 field   2 value
-- the value that the field has afterwards
if redis.call('HSETNX', KEYS[1], ARGV[1], ARGV[2]) == 1 then return ARGV[2] end
return redis.call('HGET', KEYS[1], ARGV[1])
`);

const REPLACE = script(`
-- KEYS  1 the hash   2 the staged hash that takes its place
-- ARGV  1 how many fields the staged hash must have
if redis.call('HLEN', KEYS[2]) ~= tonumber(ARGV[1]) then
  return redis.error_reply('STAGED the staged entries are incomplete')
end
redis.call('UNLINK', KEYS[1])
if ARGV[1] ~= '0' then
  redis.call('PERSIST', KEYS[2])
  redis.call('RENAME', KEYS[2], KEYS[1])
end
return 1
`);

/** Creates the {@linkcode Dict} of a name; it holds no state in this process. */
export function createRedisDict<V>(options: RedisDictOptions): Dict<V> {
  return new RedisDict<V>(options);
}

class RedisDict<V> implements Dict<V> {
  readonly #redis: Redis;
  readonly #keys: KeyFamily;
  readonly #name: string;
  readonly #key: string;
  readonly #batchSize: number;

  constructor({ redis, keys, name, batchSize = DEFAULT_BATCH_SIZE }: RedisDictOptions) {
    this.#redis = redis;
    this.#keys = keys;
    this.#name = name;
    this.#key = keys(name);
    this.#batchSize = batchSize;
  }

  async get(key: string): Promise<V | undefined> {
    const json = await this.#redis.send(["HGET", this.#key, key]);
    return json === null ? undefined : JSON.parse(json as string);
  }

  async set(key: string, value: V): Promise<void> {
    await this.#redis.send(["HSET", this.#key, key, JSON.stringify(value)]);
  }

  async delete(key: string): Promise<boolean> {
    return await this.#redis.send(["HDEL", this.#key, key]) === 1;
  }

  async has(key: string): Promise<boolean> {
    return await this.#redis.send(["HEXISTS", this.#key, key]) === 1;
  }

  async size(): Promise<number> {
    return await this.#redis.send(["HLEN", this.#key]) as number;
  }

  async *keys(): AsyncGenerator<string> {
    for await (const [key] of this.#scan()) yield key;
  }

  async *values(): AsyncGenerator<V> {
    for await (const [, json] of this.#scan()) yield JSON.parse(json);
  }

  async *entries(): AsyncGenerator<[string, V]> {
    for await (const [key, json] of this.#scan()) yield [key, JSON.parse(json)];
  }

  async *#scan(): AsyncGenerator<[string, string]> {
    let cursor = "0";
    do {
      const reply = await this.#redis.send(["HSCAN", this.#key, cursor, "COUNT", this.#batchSize]);
      const [next, flat] = reply as [string, string[]];
      for (let i = 0; i < flat.length; i += 2) yield [flat[i]!, flat[i + 1]!];
      cursor = next;
    } while (cursor !== "0");
  }

  async update(entries: Iterable<readonly [string, V]>): Promise<void> {
    for (const batch of this.#batches(entries)) await this.#redis.send(["HSET", this.#key, ...batch]);
  }

  async setDefault(key: string, value: V): Promise<V> {
    const json = await this.#redis.run(SET_DEFAULT, {
      keys: [this.#key],
      args: [key, JSON.stringify(value)],
    });
    return JSON.parse(json as string);
  }

  async replaceAll(entries: Iterable<readonly [string, V]>): Promise<void> {
    const staged = this.#keys(this.#name, "staged", crypto.randomUUID());
    const last = new Map(entries);
    for (const batch of this.#batches(last)) {
      await Promise.all([
        this.#redis.send(["HSET", staged, ...batch]),
        this.#redis.send(["PEXPIRE", staged, STAGED_MS]),
      ]);
    }
    await this.#redis.run(REPLACE, { keys: [this.#key, staged], args: [last.size] });
  }

  async clear(): Promise<void> {
    await this.#redis.send(["UNLINK", this.#key]);
  }

  *#batches(entries: Iterable<readonly [string, V]>): Generator<string[]> {
    let batch: string[] = [];
    for (const [key, value] of entries) {
      batch.push(key, JSON.stringify(value));
      if (batch.length < this.#batchSize * 2) continue;
      yield batch;
      batch = [];
    }
    if (batch.length > 0) yield batch;
  }
}
