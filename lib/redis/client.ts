/**
 * The connection that comes back by itself: it owns when to connect, what fails meanwhile, and who is told.
 * It is the only one that reconnects.
 */
import { createBackoff } from "../backoff.ts";
import { Emitter } from "../emitter.ts";
import type { Log } from "../log.ts";
import { delay } from "../supervise.ts";
import { type Connect, type Connection, connector } from "./connect.ts";
import { isConnectionLost, toCallerError, unavailable } from "./errors.ts";
import type { RedisOptions } from "./options.ts";
import type { Argument, Redis, Reply, ScriptCall } from "./redis.ts";
import type { Script } from "./script.ts";

const FIRST_RETRY_MS = 50;
const MAX_RETRY_MS = 1000;

/** Begins to connect. Throws a `TypeError` for options that cannot work. */
export function createRedis(options: RedisOptions): Redis {
  return new RedisClient(options, connector(options));
}

class RedisClient implements Redis {
  readonly #options: RedisOptions;
  readonly #connect: Connect;
  readonly #log: Log;
  readonly #closing = new AbortController();
  readonly #events = new Emitter<{ up: []; down: [] }>((error) =>
    this.#log.error("A listener to Redis failed", { error })
  );
  readonly #running: Promise<void>;
  #connection: Connection | undefined;
  #lost = Promise.withResolvers<unknown>();

  constructor(options: RedisOptions, connect: Connect) {
    this.#options = options;
    this.#connect = connect;
    this.#log = options.log;
    this.#running = this.#run();
  }

  get isCluster(): boolean {
    return this.#options.cluster ?? false;
  }

  get isUp(): boolean {
    return this.#connection !== undefined;
  }

  async #run(): Promise<void> {
    const { signal } = this.#closing;
    const backoff = createBackoff({ baseMs: FIRST_RETRY_MS, maxMs: MAX_RETRY_MS });
    for (let failures = 0; !signal.aborted;) {
      const lost = this.#lost = Promise.withResolvers();
      try {
        using connection = await this.#connect({ onLost: lost.resolve, signal });
        failures = 0;
        this.#setConnection(connection);
        const cause = await lost.promise;
        if (!signal.aborted) this.#log.warn("Redis is away", { error: cause });
      } catch (error) {
        if (failures === 0 && !signal.aborted) this.#log.warn("Redis cannot be reached", { error });
      }
      this.#setConnection(undefined);
      failures++;
      await delay(backoff(failures), signal);
    }
  }

  #setConnection(connection: Connection | undefined): void {
    const event = connection ? "up" : "down";
    if (this.isUp === (event === "up")) return;
    this.#connection = connection;
    if (connection) this.#log.info("Redis is up");
    this.#events.emit(event);
  }

  async send(args: readonly Argument[], { key = keyOf(args) }: { key?: string } = {}): Promise<Reply> {
    return await this.#attempt((connection) => connection.send(args.map(String), key)) as Reply;
  }

  async run({ lua, digest }: Script, { keys, args = [] }: ScriptCall): Promise<Reply> {
    const rest = [keys.length, ...keys, ...args];
    const options = { key: keys[0] };
    try {
      return await this.send(["EVALSHA", digest, ...rest], options);
    } catch (error) {
      if (!(error instanceof Error && error.message.startsWith("NOSCRIPT"))) throw error;
      return await this.send(["EVAL", lua, ...rest], options);
    }
  }

  async #attempt(act: (connection: Connection) => Promise<unknown>): Promise<unknown> {
    if (!this.#connection) throw unavailable();
    try {
      return await act(this.#connection);
    } catch (error) {
      if (isConnectionLost(error)) this.#lost.resolve(error);
      throw toCallerError(error);
    }
  }

  on(event: "up" | "down", listener: () => void): () => void {
    return this.#events.on(event, listener);
  }

  whenUp(signal?: AbortSignal): Promise<void> {
    const ends = signal ? AbortSignal.any([signal, this.#closing.signal]) : this.#closing.signal;
    return new Promise((resolve, reject) => {
      if (ends.aborted) return reject(ends.reason);
      if (this.isUp) return resolve();
      const settle = (): void => {
        off();
        ends.removeEventListener("abort", settle);
        if (ends.aborted) reject(ends.reason);
        else resolve();
      };
      const off = this.on("up", settle);
      ends.addEventListener("abort", settle);
    });
  }

  duplicate(): Redis {
    return new RedisClient(this.#options, this.#connect);
  }

  async close(): Promise<void> {
    this.#closing.abort(new DOMException("The connection to Redis was closed", "AbortError"));
    this.#lost.resolve(undefined);
    await this.#running;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

function keyOf([, key]: readonly Argument[]): string | undefined {
  return key === undefined ? undefined : String(key);
}
