/** The roster that a fleet shares, in Redis. It holds no state in this process and no timer. */
import type { Presence, PresenceStatus } from "../protocol/events.ts";
import type { SessionId, UserId } from "../protocol/ids.ts";
import { keyFamily } from "../redis/keys.ts";
import type { Argument, Redis, Reply } from "../redis/redis.ts";
import type { Script } from "../redis/script.ts";
import type { SessionRecord } from "./record.ts";
import { KEYS, TICK, USERS, WRITE } from "./scripts.ts";
import type { Answer, FleetUsage, LeaveEntry, RosterStore, SessionEntry, Writer } from "./store.ts";
import { ANNOUNCE_INTERVAL_MS, MAX_LISTED, MAX_SEEN, USAGE_TTL_MS } from "./store.ts";

interface RedisRosterStoreOptions {
  redis: Redis;
  /** `REDIS_KEY_PREFIX`. */
  prefix: string;
  /** How long what is saved for a session outlives its lease, in milliseconds. */
  savedMs: number;
  /** The clock, in epoch milliseconds; default: Redis's own, which all nodes share. */
  now?: () => number;
}

// records a read: few enough that Redis and the event loop go on with other work in between
const BATCH_SIZE = 200;
// what has no lease of its own lives that long without any node
const TTL_MS = 60 * 60_000;

/** The caller owns the connection. The keys are in one family with the event log's: a script may touch both. */
export function createRedisRosterStore(
  { redis, prefix, savedMs, now }: RedisRosterStoreOptions,
): RosterStore {
  const key = keyFamily(redis, prefix, "fleet");
  const keys = KEYS.map((name) => key(name));
  const pool = key("session_pool");

  async function write<Own extends unknown[]>(
    script: Script,
    { nodeId, leaseMs, epoch: known = "" }: Writer,
    args: Argument[],
  ): Promise<[Answer, ...Partial<Own>]> {
    const head = [now?.() ?? "", known, crypto.randomUUID(), nodeId, leaseMs, TTL_MS];
    const reply = await redis.run(script, { keys, args: [...head, ...args] });
    const [epoch, isKnown, step = 0, changes = [], ...own] = reply as [
      ...[string, number, number, Reply],
      ...Partial<Own>,
    ];
    return [{ epoch, isKnown: isKnown === 1, step, changes: presences(changes) }, ...own];
  }

  async function users(args: Argument[]): Promise<{ total: number; start: number; users: Presence[] }> {
    const [total, start, rows] = await redis.run(USERS, { keys, args }) as [number, number, Reply];
    return { total, start, users: presences(rows) };
  }

  function argumentsOfLeave({ record, graceMs, lastActiveAt, saved }: LeaveEntry): Argument[] {
    const { pid = "", value = "", forget = false } = saved ?? {};
    return [...identity(record, lastActiveAt), graceMs, pid, forget ? "" : value, forget ? 0 : savedMs];
  }

  function argumentsOfEntry(entry: SessionEntry): Argument[] {
    const { record, leaseMs, active, lastActiveAt, maxOfUser = -1, saved: { pid = "", value = "" } = {} } =
      entry;
    const own = [active ? 1 : 0, leaseMs, maxOfUser, pid, value, leaseMs + savedMs, JSON.stringify(record)];
    return [...identity(record, lastActiveAt), ...own];
  }

  return {
    async write(writer, { leaves, entries, silent }) {
      const args = [
        ...[silent ? 1 : 0, leaves.length],
        ...leaves.flatMap(argumentsOfLeave),
        ...entries.flatMap(argumentsOfEntry),
      ];
      const [answer, added = [], refused = [], taken = []] = await write<
        [SessionId[], SessionId[], SessionId[]]
      >(WRITE, writer, args);
      return { ...answer, added, refused, taken };
    },
    async tick(writer, { limit, models: used }) {
      const args = [limit, MAX_SEEN, USAGE_TTL_MS, ANNOUNCE_INTERVAL_MS, ...used];
      const [answer, gone = [], more, change = "none", models = []] = await write<
        [string[], number, FleetUsage["change"], string[]]
      >(TICK, writer, args);
      const records = gone.map((json): SessionRecord => JSON.parse(json));
      return { ...answer, gone: records, hasMore: more === 1, usage: { models, change } };
    },
    async get(sid) {
      const json = await redis.send(["HGET", pool, sid]);
      return json === null ? undefined : JSON.parse(json as string);
    },
    async countOfUser(userId) {
      const marks = await redis.send(["HVALS", key("user_sessions", userId)]) as string[];
      return marks.filter((mark) => mark[1] === "+").length;
    },
    size: async () => await redis.send(["HLEN", pool]) as number,
    async *entries() {
      let cursor = "0";
      do {
        const reply = await redis.send(["HSCAN", pool, cursor, "COUNT", BATCH_SIZE]);
        const [next, flat] = reply as [string, string[]];
        for (let i = 1; i < flat.length; i += 2) yield JSON.parse(flat[i]!);
        cursor = next;
      } while (cursor !== "0");
    },
    presence: async (userIds) => (await users(["", ...userIds.slice(0, MAX_LISTED)])).users,
    async recent({ limit, after }) {
      const page = await users([
        Math.min(limit, MAX_LISTED),
        ...after === undefined ? [] : [after.id, after.at],
      ]);
      const last = page.users.at(-1);
      const isLast = last === undefined || page.start + page.users.length >= page.total;
      const next = isLast ? null : { id: last.id, at: last.lastActiveAt ?? 0 };
      return { users: page.users, total: page.total, next };
    },
    readSaved: async (pid) => await redis.send(["GET", key("saved", pid)]) as string ?? undefined,
    takeSaved: async (pid) => await redis.send(["GETDEL", key("saved", pid)]) as string ?? undefined,
    onBack: (listener) => redis.on("up", listener),
    close: () => Promise.resolve(),
  };
}

function identity(
  { sid, user, nodeId, connectedAt }: SessionRecord,
  lastActiveAt: number | null,
): Argument[] {
  return [sid, user.id, user.name, nodeId, connectedAt, lastActiveAt ?? 0];
}

function presences(reply: Reply): Presence[] {
  return (reply as [UserId, string, PresenceStatus, string | null][]).map(([id, name, status, at]) => {
    return { id, name, status, lastActiveAt: Number(at) || null };
  });
}
