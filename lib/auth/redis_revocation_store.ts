/** Revocations in Redis, shared by all nodes. It holds no state in this process. */
import { batches } from "../batches.ts";
import { keyFamily } from "../redis/keys.ts";
import type { Redis } from "../redis/redis.ts";
import { script } from "../redis/script.ts";
import { revocationId } from "./claims.ts";
import { isOlder, type RevocationStore } from "./revocation_store.ts";

const MARK = script(`
-- KEYS  1 revoked:token:{jti} or revoked:user:{id}
-- ARGV  1 mark   2 end in epoch ms
-- 1, or 0 when it is over already; a mark never moves back, and neither does its end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local mark = math.max(tonumber(redis.call('GET', KEYS[1]) or ARGV[1]), tonumber(ARGV[1]))
local ends = math.max(now + redis.call('PTTL', KEYS[1]), tonumber(ARGV[2]))
if ends <= now then return 0 end
redis.call('SET', KEYS[1], string.format('%d', mark), 'PX', string.format('%d', ends - now))
return 1
`);

// keys a command: few enough that Redis goes on with other work in between
const BATCH_SIZE = 500;

/** `prefix` is `REDIS_KEY_PREFIX`. */
export function createRedisRevocationStore(
  { redis, prefix }: { redis: Redis; prefix: string },
): RevocationStore {
  const key = keyFamily(redis, prefix, "revoked");
  const tokenKey = (jti: string): string => key("revoked", "token", jti);
  const userKey = (id: string): string => key("revoked", "user", id);
  const mark = async (key: string, value: number, untilMs: number): Promise<void> => {
    await redis.run(MARK, { keys: [key], args: [value, Math.ceil(untilMs)] });
  };

  return {
    revokeToken: (jti, untilMs) => mark(tokenKey(jti), 1, untilMs),
    revokeUser: (id, { beforeMs, untilMs }) => mark(userKey(id), beforeMs, untilMs),
    restoreUser: async (id) => await redis.send(["DEL", userKey(id)]) === 1,
    async areRevoked(identities) {
      const keys = identities.flatMap((
        identity,
      ) => [tokenKey(revocationId(identity)), userKey(identity.user.id)]);
      // issued together, they share one round trip
      const replies = Array.from(batches(keys, BATCH_SIZE), (batch) => redis.send(["MGET", ...batch]));
      const marks = (await Promise.all(replies)).flat() as (string | null)[];
      return identities.map(({ issuedAt }, index) => {
        const token = marks[2 * index], before = marks[2 * index + 1];
        return token !== null || (before !== null && isOlder(issuedAt, Number(before)));
      });
    },
  };
}
