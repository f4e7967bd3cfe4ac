/**
 * Redis as `@socket.io/redis-streams-adapter` uses it. The adapter leaves promises alone and reads in a tight loop:
 * here a call that it does not wait for never rejects, and a read waits while Redis is away.
 */
import { delay, type Log } from "../supervise.ts";
import { keyFamily } from "./keys.ts";
import type { Redis, Reply } from "./redis.ts";

type Fields = Record<string, string>;

interface StreamEntry {
  id: string;
  message: Fields;
}

/** The part of a client of the `redis` package that the adapter calls. */
export interface AdapterClient extends AsyncDisposable {
  duplicate(): AdapterClient;
  connect(): Promise<void>;
  disconnect(): Promise<void>;
  on(event: string, listener: (...args: never[]) => void): void;
  xAdd(key: string, id: string, fields: Fields, options: { TRIM: { threshold: number } }): Promise<string>;
  xRead(
    streams: readonly [{ key: string; id: string }],
    options: { COUNT: number; BLOCK: number },
  ): Promise<[{ name: string; messages: StreamEntry[] }] | null>;
  xRange(key: string, start: string, end: string): Promise<StreamEntry[]>;
  set(key: string, value: string, options: { PX: number }): Promise<void>;
  /** Only for `multi().get(key).del(key).exec()`: reads and deletes. */
  multi(): { get(key: string): { del(key: string): { exec(): Promise<[string | null]> } } };
  publish(channel: string, message: Uint8Array): Promise<void>;
  subscribe(channels: readonly string[], listener: (message: Uint8Array) => void): Promise<void>;
  /** By its presence the adapter knows the client's kind; sharded channels are not used. */
  sSubscribe(): never;
  /** Only for `PUBSUB NUMSUB channel`: how many nodes listen. */
  sendCommand(args: readonly string[]): Promise<[string, number]>;
}

/** The names under which the adapter keeps its stream, channels and sessions. */
export interface AdapterNames {
  streamName: string;
  channelPrefix: string;
  sessionKeyPrefix: string;
}

// below the time after which a silent connection counts as lost
const MAX_BLOCK_MS = 1000;
const ERROR_PAUSE_MS = 200;

/** The adapter's names under `REDIS_KEY_PREFIX`. */
export function adapterNames(prefix: string): AdapterNames {
  const key = keyFamily(prefix, "socket");
  return { streamName: key("stream"), channelPrefix: key("channel"), sessionKeyPrefix: key("recovery", "") };
}

/** Creates the adapter's client over `redis`. Disposing it ends the connections that the adapter has made of it. */
export function createAdapterClient(redis: Redis, options: { log: Log }): AdapterClient {
  return new Client(redis, { ...options, owns: false });
}

class Client implements AdapterClient {
  readonly #redis: Redis;
  readonly #log: Log;
  readonly #duplicates = new Set<AdapterClient>();
  readonly #starts = new Map<string, string>();
  readonly #owns: boolean;
  #isClosed = false;

  constructor(redis: Redis, { log, owns }: { log: Log; owns: boolean }) {
    this.#redis = redis;
    this.#log = log;
    this.#owns = owns;
  }

  duplicate(): AdapterClient {
    const copy = new Client(this.#redis.duplicate(), { log: this.#log, owns: true });
    this.#duplicates.add(copy);
    return copy;
  }

  /** A connection connects by itself; the adapter need not wait for it. */
  connect(): Promise<void> {
    return Promise.resolve();
  }

  async disconnect(): Promise<void> {
    this.#isClosed = true;
    if (this.#owns) await this.#redis.close();
  }

  on(): void {}

  async xAdd(
    key: string,
    id: string,
    fields: Fields,
    { TRIM }: { TRIM: { threshold: number } },
  ): Promise<string> {
    const args = ["XADD", key, "MAXLEN", "~", TRIM.threshold, id, ...Object.entries(fields).flat()];
    return await this.#redis.send(args) as string;
  }

  async xRead(
    [{ key, id }]: readonly [{ key: string; id: string }],
    { COUNT, BLOCK }: { COUNT: number; BLOCK: number },
  ): Promise<[{ name: string; messages: StreamEntry[] }] | null> {
    try {
      await this.#redis.whenUp();
      const after = id === "$" ? await this.#start(key) : id;
      const blockMs = Math.min(BLOCK, MAX_BLOCK_MS);
      const args = ["XREAD", "COUNT", COUNT, "BLOCK", blockMs, "STREAMS", key, after];
      const reply = await this.#redis.send(args, { key }) as unknown as Record<string, Reply[]> | null;
      return reply && [{ name: key, messages: toEntries(reply[key]!) }];
    } catch (error) {
      // the adapter reads on until it is closed itself; this answer never comes, so that it stops
      if (this.#isClosed) return await new Promise<never>(() => {});
      this.#log.debug("Reading the stream was interrupted", { error });
      await delay(ERROR_PAUSE_MS);
      return null;
    }
  }

  /**
   * Where a reader that asks for "what is new" began: asked again after a lost connection, it must not miss what came
   * between.
   */
  async #start(key: string): Promise<string> {
    let start = this.#starts.get(key);
    if (start === undefined) {
      const [last] = toEntries(await this.#redis.send(["XREVRANGE", key, "+", "-", "COUNT", 1]) as Reply[]);
      this.#starts.set(key, start = last?.id ?? "0-0");
    }
    return start;
  }

  async xRange(key: string, start: string, end: string): Promise<StreamEntry[]> {
    return toEntries(await this.#redis.send(["XRANGE", key, start, end]) as Reply[]);
  }

  set(key: string, value: string, { PX }: { PX: number }): Promise<void> {
    return this.#unawaited(this.#redis.send(["SET", key, value, "PX", PX]));
  }

  multi(): { get(key: string): { del(key: string): { exec(): Promise<[string | null]> } } } {
    const exec = async (key: string): Promise<[string | null]> => {
      return [await this.#redis.send(["GETDEL", key]) as string | null];
    };
    return { get: () => ({ del: (key) => ({ exec: () => exec(key) }) }) };
  }

  publish(channel: string, message: Uint8Array): Promise<void> {
    return this.#unawaited(this.#redis.publish(channel, message));
  }

  async subscribe(channels: readonly string[], listener: (message: Uint8Array) => void): Promise<void> {
    await Promise.all(channels.map((channel) => this.#redis.subscribe(channel, listener)));
  }

  sSubscribe(): never {
    throw new Error("Cannot subscribe to a sharded channel: not supported");
  }

  async sendCommand(args: readonly string[]): Promise<[string, number]> {
    const replies = await this.#redis.sendToMasters(args) as [string, number][];
    return [replies[0]![0], replies.reduce((sum, [, count]) => sum + count, 0)];
  }

  async #unawaited(call: Promise<unknown>): Promise<void> {
    try {
      await call;
    } catch (error) {
      this.#log.debug("A call of the adapter failed", { error });
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.disconnect();
    await Promise.all(Array.from(this.#duplicates, (copy) => copy.disconnect()));
  }
}

function toEntries(reply: Reply[]): StreamEntry[] {
  return (reply as [string, string[]][]).map(([id, flat]) => {
    const message: Fields = {};
    for (let i = 0; i < flat.length; i += 2) message[flat[i]!] = flat[i + 1]!;
    return { id, message };
  });
}
