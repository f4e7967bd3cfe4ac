/**
 * The nodes' link through one Redis stream: what a node sends is heard by all, itself included, in one order and once.
 * It knows when it no longer hears, and when something was missed; what that means is for its owner to say.
 */
import { createBackoff } from "../backoff.ts";
import type { Redis } from "../redis/redis.ts";
import { delay, type Log, type Loop, supervise } from "../supervise.ts";
import { comparePositions, type Position, timeOf } from "./packet_log.ts";
import { createOutbox, type Outbox, type Sent } from "./outbox.ts";
import { createSenders } from "./senders.ts";

/** The fields of a message. `from`, `seq` and `probe` are the link's own. */
export type Fields = Readonly<Record<string, string>>;

/** A message that another node sent. */
export interface Heard {
  fields: Fields;
  position: Position;
  /** Whether it is from before this node began to listen: good to know, not to act on. */
  past: boolean;
}

/** Options of {@linkcode createLink}. */
export interface LinkOptions {
  /** For what is sent; the link reads on a connection of its own. */
  redis: Redis;
  /** The stream. */
  key: string;
  nodeId: string;
  /** What the messages of this time ago were is read at the start, in milliseconds. */
  keepMs: number;
  /** Called with every message of the others, and with `undefined` for a position that holds none for this node. */
  onHeard: (position: Position, message: Heard | undefined) => void;
  /** Messages of other nodes, or own ones on their way to them, are lost. */
  onMissed: (reason: string) => void;
  /** The node hears no more (with the reason), or hears again. */
  onDeaf: (reason: string | undefined) => void;
  log: Log;
  /** Called with errors of the loops, for counting. */
  onError?: (error: unknown) => void;
  /** Milliseconds between probes; default 1000. */
  probeIntervalMs?: number;
}

/** A running link. */
export interface Link extends AsyncDisposable {
  /** Sends to all nodes. Redis being away for a moment does no harm. */
  send(fields: Fields, sent?: Sent): void;
  /** Resolves when the node has heard up to `position`, or with `false` when it does not within a second. */
  heard(position: Position): Promise<boolean>;
  /** The other nodes that were heard in the last seconds. */
  others(): string[];
  /** Resolves when the node hears for the first time, or `signal` aborts. */
  whenHearing(signal: AbortSignal): Promise<void>;
}

const DEFAULT_PROBE_INTERVAL_MS = 1000;
/** So many probes of its own must stay unheard before a node counts as deaf. */
const MAX_UNHEARD = 3;
const BLOCK_MS = 1000;
const MAX_READ_COUNT = 200;
const MAX_READ_BYTES = 8 * 1024 * 1024;
const READ_RETRY = { baseMs: 25, maxMs: 1000 };
const HEARD_TIMEOUT_MS = 1000;
// a stream that no node uses any more
const STREAM_TTL_MS = 60 * 60_000;
const MAX_STREAM_LENGTH = 50_000;
const MAX_STREAM_BYTES = 64 * 1024 * 1024;
/** How many messages the mean size is taken over. */
const MEAN_OF = 100;

/** Starts to listen. */
export function createLink(options: LinkOptions): Link {
  return new StreamLink(options);
}

class StreamLink implements Link {
  readonly #options: LinkOptions;
  readonly #probeIntervalMs: number;
  readonly #outbox: Outbox;
  readonly #senders = createSenders();
  readonly #closing = new AbortController();
  readonly #hearing = Promise.withResolvers<void>();
  readonly #waiting = new Map<() => void, Position>();
  readonly #reading: Promise<void>;
  readonly #probing: Loop;
  readonly #off: () => void;
  #reader: Redis;
  #readerOff: () => void;
  #position: Position | undefined;
  #meanBytes = 500;
  #lastProbe: Position | undefined;
  #sending: Promise<void> | undefined;
  #isListening = false;
  #unheard = 0;
  #isDeaf = false;

  constructor(options: LinkOptions) {
    this.#options = options;
    const { redis, log, onError, onMissed, probeIntervalMs = DEFAULT_PROBE_INTERVAL_MS } = options;
    this.#probeIntervalMs = probeIntervalMs;
    this.#outbox = createOutbox({
      write: (args) => this.#write(args),
      isUp: () => redis.isUp,
      log,
      onMissed,
    });
    [this.#reader, this.#readerOff] = this.#openReader();
    const offs = [
      redis.on("up", () => this.#outbox.resend()),
      redis.on("down", () => this.#outbox.release()),
    ];
    this.#off = () => offs.forEach((off) => off());
    this.#probing = supervise("Probing the fleet", () => this.#probe(), {
      intervalMs: probeIntervalMs,
      ...{ log, onError },
    });
    this.#probing.wake();
    this.#reading = this.#read();
  }

  send(fields: Fields, sent: Sent = { deliver: () => {} }): void {
    this.#outbox.add(Object.entries({ from: this.#options.nodeId, ...fields }).flat(), sent);
  }

  #write(fields: readonly (string | number)[]): Promise<unknown> {
    const { redis, key } = this.#options;
    const length = Math.min(MAX_STREAM_LENGTH, Math.ceil(MAX_STREAM_BYTES / this.#meanBytes));
    return redis.send(["XADD", key, "MAXLEN", "~", length, "*", ...fields]);
  }

  #openReader(): [Redis, () => void] {
    const reader = this.#options.redis.duplicate();
    return [reader, reader.on("down", () => this.#outbox.release())];
  }

  async #read(): Promise<void> {
    const { key, log, onError } = this.#options;
    const { signal } = this.#closing;
    let failures = 0;
    while (!signal.aborted) {
      const reader = this.#reader;
      try {
        await reader.whenUp(signal);
        const position = this.#position ??= await this.#startOf(reader);
        const count = Math.min(MAX_READ_COUNT, Math.ceil(MAX_READ_BYTES / this.#meanBytes));
        const args = ["XREAD", "COUNT", count, "BLOCK", BLOCK_MS, "STREAMS", key, position];
        const reply: unknown = await reader.send(args, { key });
        for (const [id, fields] of entriesOf(reply)) this.#hear(id, fields);
        failures = 0;
      } catch (error) {
        if (signal.aborted || reader !== this.#reader) continue;
        if (failures++ === 0) log.warn("The fleet cannot be heard", { error });
        onError?.(error);
        await delay(createBackoff(READ_RETRY)(failures), signal);
      }
    }
  }

  /** By the clock of Redis, which also makes the positions. */
  async #startOf(reader: Redis): Promise<Position> {
    const [seconds, micros] = await reader.send(["TIME"]) as [string, string];
    return `${Number(seconds) * 1000 + Math.floor(Number(micros) / 1000) - this.#options.keepMs}-0`;
  }

  #hear(position: Position, { from, seq: text, probe, ...fields }: Record<string, string>): void {
    this.#position = position;
    const { nodeId, onHeard, onMissed, log } = this.#options;
    const seq = Number(text);
    try {
      if (from === nodeId) {
        if (probe !== undefined) this.#hearProbe();
        else this.#outbox.heard(seq, position);
        onHeard(position, undefined);
      } else if (from !== undefined) {
        const { isNew, missed } = this.#senders.hear(from, { seq, counts: probe === undefined });
        const past = !this.#isListening;
        if (missed > 0 && !past) onMissed(`${missed} messages of another node are missing`);
        onHeard(position, isNew && probe === undefined ? { fields, position, past } : undefined);
      }
      this.#meanBytes += ((fields.data?.length ?? 100) - this.#meanBytes) / MEAN_OF;
    } catch (error) {
      log.error("A message of the fleet could not be handled", { error });
    }
    for (const [resolve, wanted] of this.#waiting) if (comparePositions(position, wanted) >= 0) resolve();
  }

  #hearProbe(): void {
    this.#unheard = 0;
    this.#isListening = true;
    this.#hearing.resolve();
    this.#setDeaf(undefined);
  }

  /** Waits for nothing, so that it also notices a Redis that does not answer. */
  #probe(): void {
    if (++this.#unheard > MAX_UNHEARD) this.#repair();
    this.#senders.forgetSilent();
    this.#outbox.tick();
    if (this.#options.redis.isUp) {
      this.#sending ??= this.#sendProbe().finally(() => this.#sending = undefined);
    }
  }

  async #sendProbe(): Promise<void> {
    const { redis, key, nodeId, log } = this.#options;
    const keptSince = timeOf(this.#position ?? "0-0") - this.#options.keepMs;
    const fields = ["from", nodeId, "seq", this.#outbox.lastSeq, "probe", 1];
    try {
      const [position] = await Promise.all([
        redis.send(["XADD", key, "MINID", "~", `${Math.max(0, keptSince)}-0`, "*", ...fields]),
        redis.send(["PEXPIRE", key, STREAM_TTL_MS]),
      ]);
      this.#lastProbe = position as Position;
    } catch (error) {
      log.debug("A probe was not sent", { error });
    }
  }

  #repair(): void {
    this.#setDeaf(this.#options.redis.isUp ? "The fleet is not heard" : "Redis is away");
    this.#unheard = 0;
    const position = this.#position, probe = this.#lastProbe;
    // a Redis with another clock has begun a new stream, behind what was read
    if (position && probe && comparePositions(probe, position) < 0) {
      this.#position = `${timeOf(probe) - 1}-0`;
    }
    const old = this.#reader;
    this.#readerOff();
    [this.#reader, this.#readerOff] = this.#openReader();
    void old.close();
  }

  #setDeaf(reason: string | undefined): void {
    const isDeaf = reason !== undefined;
    if (this.#isDeaf === isDeaf) return;
    this.#isDeaf = isDeaf;
    this.#outbox.setPatient(!isDeaf);
    this.#options.onDeaf(reason);
  }

  others(): string[] {
    return this.#senders.heardWithin((MAX_UNHEARD + 1) * this.#probeIntervalMs);
  }

  async heard(position: Position): Promise<boolean> {
    const isHeard = (): boolean =>
      this.#position !== undefined && comparePositions(this.#position, position) >= 0;
    if (isHeard()) return true;
    const reached = Promise.withResolvers<void>();
    this.#waiting.set(reached.resolve, position);
    const timer = setTimeout(reached.resolve, HEARD_TIMEOUT_MS);
    await reached.promise;
    clearTimeout(timer);
    this.#waiting.delete(reached.resolve);
    return isHeard();
  }

  whenHearing(signal: AbortSignal): Promise<void> {
    const aborted = new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve()));
    return Promise.race([this.#hearing.promise, aborted]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#off();
    this.#readerOff();
    this.#closing.abort();
    await this.#probing[Symbol.asyncDispose]();
    await this.#sending;
    await this.#reader.close();
    await this.#reading;
    this.#outbox.close();
  }
}

/** The entries of a reply to XREAD on one stream. */
function* entriesOf(reply: unknown): Generator<[Position, Record<string, string>]> {
  if (reply === null || typeof reply !== "object") return;
  for (const entries of Object.values(reply as Record<string, [Position, string[]][]>)) {
    for (const [id, flat] of entries) {
      const fields: Record<string, string> = {};
      for (let i = 0; i < flat.length; i += 2) fields[flat[i]!] = flat[i + 1]!;
      yield [id, fields];
    }
  }
}
