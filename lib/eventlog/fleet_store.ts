/** The fleet's keys in Redis, and what is done to them: each a step that is done as a whole. */
import { unavailable } from "../redis/errors.ts";
import { keyFamily } from "../redis/keys.ts";
import type { Argument, Redis, Reply } from "../redis/redis.ts";
import type { Script } from "../redis/script.ts";
import type { Fields } from "./entry.ts";
import type { Batch, Outgoing } from "./outbox.ts";
import type { Position } from "./position.ts";
import type { Due } from "./routes.ts";
import { BEAT, CLEAR, HOLD, PUBLISH } from "./scripts.ts";

/** Options of {@linkcode createFleetStore}. */
interface FleetStoreOptions {
  redis: Redis;
  /** `REDIS_KEY_PREFIX`. */
  prefix: string;
  nodeId: string;
  /** How long entries are kept, in milliseconds. */
  keepMs: number;
  /** How long a dead node's inbox is kept, in milliseconds. */
  clearAfterMs: number;
}

/** What a node learns by its sign of life. */
export interface Beat {
  entry: Position;
  /** How old the sign before was, -1 when there was none. */
  ageMs: number;
  /** Names the run of the Redis server. */
  run: string;
  /** The first entry that the inbox has. */
  first: Position;
  /** The nodes that were there lately, each with the age of its last sign. */
  nodes: Map<string, number>;
  /** A node that is to be cleared away. */
  dead: string | undefined;
}

/** The steps. Each rejects with `server/unavailable` when Redis is away. */
export interface FleetStore {
  /** The stream of this node. */
  readonly inbox: string;
  /** Has the server know the script that must not come late. */
  load(): Promise<unknown>;
  /** Sends; resolves with the nodes that each item with a `sent` went to and that are there. */
  publish(batch: Batch): Promise<string[][]>;
  hold(rooms: readonly string[], options: { marks: boolean }): Promise<Position | null>;
  beat(rooms: Due, options: { withinMs: number }): Promise<Beat>;
  /** Clears away some of what a dead node held; whether there is more. */
  clear(node: string): Promise<boolean>;
  /** When a node last showed a sign of life, epoch milliseconds of Redis; `undefined` for one that is not known. */
  lastSign(node: string): Promise<number | undefined>;
  /** Some entries of a node's inbox, from `from` on, and the first that it still has. */
  range(
    node: string,
    range: { from: Position; to: Position; count: number },
  ): Promise<{ entries: [Position, Fields][]; first: Position | undefined }>;
}

/** A node that showed no sign of life for so long, in milliseconds, is not waited for. */
export const SILENT_MS = 4_000;
// nobody is left to clear away what a fleet held
const TTL_MS = 60 * 60_000;
const MAX_ENTRIES = 50_000;
const MAX_INBOX_BYTES = 64 * 1024 * 1024;
/** How many batches the mean size is taken over. */
const MEAN_OF = 100;
const CLEAR_SLICE = 200;

/** The store over `redis`, which its caller owns. */
export function createFleetStore(options: FleetStoreOptions): FleetStore {
  const { redis, prefix, nodeId, keepMs, clearAfterMs } = options;
  const key = keyFamily(redis, prefix, "fleet");
  const [clock, sent, inboxes] = [key("clock"), key("sent"), key("inboxes")];
  const [routes, rooms, inbox] = [key("route", ""), key("rooms", ""), key("inbox", "")];
  const publishKeys = [clock, sent, inboxes, key("session_pool"), routes, inbox];
  let meanBytes = 500;

  const run = (script: Script, keys: readonly string[], args: readonly Argument[]): Promise<Reply> =>
    redis.run(script, { keys, args });

  return {
    inbox: inbox + nodeId,
    load: () => redis.send(["SCRIPT", "LOAD", PUBLISH.lua], { key: clock }),
    async publish({ number, isRetry, items }) {
      let bytes = 0;
      const head = ["EVALSHA", PUBLISH.digest, publishKeys.length, ...publishKeys, nodeId, number];
      const args: Argument[] = [...head, isRetry ? 1 : 0, maxEntries(meanBytes), SILENT_MS];
      for (const [index, item] of items.entries()) {
        const names = item.node === undefined ? item.rooms ?? [] : [item.node];
        args.push(flagsOf(item), names.length, ...names, `[${index}${item.header}`, item.text);
        bytes += item.text.length + item.header.length;
      }
      meanBytes += (bytes - meanBytes) / MEAN_OF;
      try {
        return await redis.send(args, { key: clock }) as string[][];
      } catch (error) {
        // with a fall-back of its own it would come after what is sent next
        if (error instanceof Error && error.message.startsWith("NOSCRIPT")) throw unavailable(error);
        throw error;
      }
    },
    hold: (names, { marks }) =>
      run(HOLD, [clock, routes, rooms, inbox], [nodeId, TTL_MS, marks ? 1 : 0, ...names]) as Promise<
        Position | null
      >,
    async beat({ gone, kept }, { withinMs }) {
      const keys = [clock, routes, rooms, inbox, inboxes, sent];
      const limits = [TTL_MS, keepMs, clearAfterMs, withinMs];
      const args = [nodeId, ...limits, gone.length, ...gone, ...kept];
      const reply = await run(BEAT, keys, args) as [string, number, string, string, string[], string];
      const [entry, ageMs, run_, first, ages, dead] = reply;
      const nodes = new Map<string, number>();
      for (let at = 0; at < ages.length; at += 2) nodes.set(ages[at]!, Number(ages[at + 1]));
      return { entry, ageMs, run: run_, first, nodes, dead: dead || undefined };
    },
    async clear(node) {
      const args = [node, CLEAR_SLICE, clearAfterMs];
      return await run(CLEAR, [routes, rooms, inbox, inboxes, sent], args) === 1;
    },
    async lastSign(node) {
      const score = await redis.send(["ZSCORE", inboxes, node]);
      return score === null ? undefined : Number(score);
    },
    async range(node, { from, to, count }) {
      const range = (...args: Argument[]): Promise<Reply> => redis.send(["XRANGE", inbox + node, ...args]);
      const [[first], entries] = await Promise.all([
        range("-", "+", "COUNT", 1),
        range(from, to, "COUNT", count),
      ]) as [[Position, Fields][], [Position, Fields][]];
      return { entries, first: first?.[0] };
    },
  };
}

function flagsOf({ node, deliver, sent }: Outgoing): string {
  return (deliver ? "o" : "") + (sent ? "q" : "") + (node === undefined ? "" : "n");
}

function maxEntries(meanBytes: number): number {
  return Math.min(MAX_ENTRIES, Math.ceil(MAX_INBOX_BYTES / meanBytes));
}
