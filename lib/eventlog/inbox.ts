/** Reads this node's inbox, entry by entry, on a connection of its own that it opens again as often as needed. */
import { createBackoff } from "../backoff.ts";
import type { Redis } from "../redis/redis.ts";
import type { Log } from "../log.ts";
import { delay } from "../supervise.ts";
import type { Fields } from "./entry.ts";
import { comparePositions, type Position } from "./position.ts";

/** Options of {@linkcode createInbox}. */
interface InboxOptions {
  redis: Redis;
  /** The stream. */
  key: string;
  onEntry: (entry: Position, fields: Fields) => void;
  /** The connection is lost. */
  onLost: () => void;
  log: Log;
  /** Called with errors, for counting. */
  onError: (error: unknown) => void;
}

/** The inbox of this node. Disposing it ends the reading. */
export interface Inbox extends AsyncDisposable {
  /** The last entry that was read, `0-0` before the first. */
  readonly position: Position;
  /** Resolves when the node has read up to `entry`, or with `false` when it does not within a second. */
  reached(entry: Position): Promise<boolean>;
  /** Reads on a new connection, from where it was, or from an earlier place. */
  reopen(from?: Position): void;
}

const BLOCK_MS = 1000;
const backoff = createBackoff({ baseMs: 25, maxMs: 1000 });
const REACHED_TIMEOUT_MS = 1000;
const MAX_COUNT = 200;
const MAX_BYTES = 8 * 1024 * 1024;
/** How many entries the mean size is taken over. */
const MEAN_OF = 100;
// how long reading may keep others waiting
const MAX_TURN_MS = 5;

/** Starts to read, from the beginning. */
export function createInbox(options: InboxOptions): Inbox {
  return new InboxReader(options);
}

class InboxReader implements Inbox {
  position: Position = "0-0";
  readonly #options: InboxOptions;
  readonly #closing = new AbortController();
  readonly #waiting = new Map<() => void, Position>();
  readonly #running: Promise<void>;
  #connection: Redis;
  #off: () => void;
  #meanBytes = 500;

  constructor(options: InboxOptions) {
    this.#options = options;
    [this.#connection, this.#off] = this.#open();
    this.#running = this.#run();
  }

  #open(): [Redis, () => void] {
    const connection = this.#options.redis.duplicate();
    return [connection, connection.on("down", this.#options.onLost)];
  }

  async #run(): Promise<void> {
    const { key, log, onError } = this.#options;
    const { signal } = this.#closing;
    let failures = 0;
    while (!signal.aborted) {
      const connection = this.#connection;
      try {
        await connection.whenUp(signal);
        const count = Math.min(MAX_COUNT, Math.ceil(MAX_BYTES / this.#meanBytes));
        const args = ["XREAD", "COUNT", count, "BLOCK", BLOCK_MS, "STREAMS", key, this.position];
        const reply: unknown = await connection.send(args, { key });
        if (connection === this.#connection) await this.#readAll(entriesOf(reply));
        failures = 0;
      } catch (error) {
        if (signal.aborted || connection !== this.#connection) continue;
        if (failures++ === 0) log.warn("The fleet cannot be heard", { error });
        onError(error);
        await delay(backoff(failures), signal);
      }
    }
  }

  async #readAll(entries: [Position, Fields][]): Promise<void> {
    let since = performance.now();
    for (const [entry, fields] of entries) {
      this.position = entry;
      try {
        this.#options.onEntry(entry, fields);
      } catch (error) {
        this.#options.log.error("An entry of the fleet could not be handled", { error });
      }
      const size = fields.reduce((sum, { length }) => sum + length, 0);
      this.#meanBytes += (size - this.#meanBytes) / MEAN_OF;
      for (const [resolve, wanted] of this.#waiting) {
        if (comparePositions(entry, wanted) >= 0) resolve();
      }
      if (performance.now() - since < MAX_TURN_MS) continue;
      await delay(0);
      since = performance.now();
    }
  }

  async reached(entry: Position): Promise<boolean> {
    const isReached = (): boolean => comparePositions(this.position, entry) >= 0;
    if (isReached()) return true;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiting.set(resolve, entry);
    const timer = setTimeout(resolve, REACHED_TIMEOUT_MS);
    await promise;
    clearTimeout(timer);
    this.#waiting.delete(resolve);
    return isReached();
  }

  reopen(from: Position = this.position): void {
    this.position = from;
    const old = this.#connection;
    this.#off();
    [this.#connection, this.#off] = this.#open();
    void old.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#off();
    this.#closing.abort();
    await this.#connection.close();
    await this.#running;
  }
}

/** The entries of a reply to XREAD on one stream. */
function entriesOf(reply: unknown): [Position, Fields][] {
  return reply === null ? [] : Object.values(reply as Record<string, [Position, Fields][]>).flat();
}
