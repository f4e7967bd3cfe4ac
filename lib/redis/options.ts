/** Where Redis is and how to reach it, as validated options. */
import type { Log } from "../log.ts";

/** A server's address. */
export interface Address {
  host: string;
  port: number;
}

export interface RedisOptions {
  /** `redis[s]://[user[:password]@]host[:port][/database]`. With sentinels, its host is the service's name. */
  url: string;
  /** The sentinels to ask for the master. */
  sentinels?: readonly Address[];
  /** Whether `url` is a node of a Cluster. */
  cluster?: boolean;
  log: Log;
  /** After so many milliseconds without a sign of life a connection counts as lost; default 5000. */
  livenessMs?: number;
}

/** What a URL says, taken apart. */
export interface RedisTarget extends Address {
  tls: boolean;
  username: string | undefined;
  password: string | undefined;
  database: number;
}

const DEFAULT_PORT = 6379;

/** Takes a URL apart. Throws a `TypeError` that does not repeat it, for it may hold a password. */
export function parseRedisUrl(text: string): RedisTarget {
  if (!URL.canParse(text)) throw new TypeError("Cannot use the Redis URL: it is not a URL");
  const url = new URL(text);
  if (url.protocol !== "redis:" && url.protocol !== "rediss:") {
    throw new TypeError("Cannot use the Redis URL: it must begin with redis:// or rediss://");
  }
  const database = url.pathname.replace(/^\//, "") || "0";
  if (!/^\d+$/.test(database)) {
    throw new TypeError("Cannot use the Redis URL: its path must be a database number");
  }
  return {
    host: url.hostname.replace(/^\[(.*)\]$/, "$1") || "127.0.0.1",
    port: Number(url.port) || DEFAULT_PORT,
    tls: url.protocol === "rediss:",
    username: decodeURIComponent(url.username) || undefined,
    password: decodeURIComponent(url.password) || undefined,
    database: Number(database),
  };
}
