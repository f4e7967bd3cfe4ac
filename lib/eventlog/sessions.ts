/** Sessions without a connection, where every node of the fleet finds them. */
import type { Redis } from "../redis/redis.ts";
import { delay, type Log } from "../supervise.ts";
import { MAX_DISCONNECTION_MS, type SavedSession, type SavedSessions } from "./recovery.ts";

/** Options of {@linkcode createRedisSessions}. */
export interface RedisSessionsOptions {
  redis: Redis;
  /** The key of a private id. */
  key: (pid: string) => string;
  log: Log;
}

// a client is often back before its old node has noticed that it was gone
const TRIES_MS = [0, 25, 75, 150];
const PRIVATE_ID = /^[\w-]{1,64}$/;

/** Makes the sessions in `redis`. Without it, sessions are simply not found. */
export function createRedisSessions({ redis, key, log }: RedisSessionsOptions): SavedSessions {
  const failed = (error: unknown): void => log.debug("A session could not be kept for its return", { error });
  return {
    save(session) {
      redis.send(["SET", key(session.pid), JSON.stringify(session), "PX", MAX_DISCONNECTION_MS]).catch(
        failed,
      );
    },
    async take(pid, missing) {
      if (!PRIVATE_ID.test(pid)) return undefined;
      for (const waitMs of TRIES_MS) {
        if (waitMs > 0) await delay(waitMs);
        try {
          const json = await redis.send(["GETDEL", key(pid)]);
          if (json !== null) return JSON.parse(json as string) as SavedSession;
          if (waitMs === 0) missing(pid);
        } catch (error) {
          failed(error);
          return undefined;
        }
      }
      return undefined;
    },
  };
}
