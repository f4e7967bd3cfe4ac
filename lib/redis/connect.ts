/**
 * Opens one connection to Redis, once: to a server, to the master that sentinels name, or to all masters of a Cluster.
 * It never reconnects by itself; a lost connection is reported, and its owner opens the next one.
 */
import { createClient, createCluster } from "redis";
import { type Address, parseRedisUrl, type RedisOptions, type RedisTarget } from "./options.ts";

/** An open connection. After it was lost, every call rejects; disposing it rejects what is under way. */
export interface Connection extends Disposable {
  send(args: string[], key?: string): Promise<unknown>;
}

interface ConnectOptions {
  /** Called when an open connection is lost, perhaps more than once. */
  onLost: (cause: unknown) => void;
  /** Gives up opening. */
  signal: AbortSignal;
}

/** Opens a connection; rejects when it cannot. */
export type Connect = (options: ConnectOptions) => Promise<Connection>;

const CONNECT_TIMEOUT_MS = 2000;
const DEFAULT_LIVENESS_MS = 5000;
const COMMON = {
  disableOfflineQueue: true,
  // a connection that is silent is given up as a whole; a timer for each command would cost more than the command
  commandOptions: { timeout: undefined },
  maintNotifications: "disabled" as const,
};

/** Chooses how to connect. Throws a `TypeError` for options that fit nothing. */
export function connector(options: RedisOptions): Connect {
  const target = parseRedisUrl(options.url);
  const livenessMs = options.livenessMs ?? DEFAULT_LIVENESS_MS;
  const { sentinels = [], cluster = false } = options;
  if (cluster && sentinels.length > 0) {
    throw new TypeError("Cannot use Redis: both a Cluster and Sentinel are set");
  }
  if (cluster) return clusterConnector(target, livenessMs);
  if (sentinels.length === 0) return (how) => connectServer(target, { ...how, livenessMs });
  return (how) => connectMaster(target, { ...how, livenessMs, sentinels });
}

function clientOptions({ username, password, database, ...target }: RedisTarget, livenessMs: number) {
  return {
    ...(username !== undefined && { username }),
    ...(password !== undefined && { password }),
    ...(database !== 0 && { database }),
    socket: socketOptions(target, livenessMs),
    // a stalled server answers no ping, and the idle socket is given up
    pingInterval: livenessMs / 2,
    ...COMMON,
  };
}

function socketOptions({ host, port, tls }: Address & { tls: boolean }, livenessMs: number) {
  return {
    host,
    port,
    connectTimeout: CONNECT_TIMEOUT_MS,
    socketTimeout: livenessMs,
    reconnectStrategy: false as const,
    ...(tls && { tls: true as const }),
  };
}

interface Client {
  on(event: string, listener: (error: unknown) => void): unknown;
  connect(): Promise<unknown>;
  destroy(): void;
}

/** Opens `client`; what cannot be opened, does not pass the check or is given up, is destroyed. */
async function open<Result>(
  client: Client,
  { onLost, signal }: ConnectOptions,
  check: () => Promise<Result>,
): Promise<Result> {
  let isOpen = false;
  // while it opens, a root of a Cluster that is away is no reason to give up on the others
  for (const event of ["error", "node-error"]) client.on(event, (error) => isOpen && onLost(error));
  const destroy = (): void => client.destroy();
  signal.addEventListener("abort", destroy);
  try {
    await client.connect();
    const result = await check();
    isOpen = true;
    return result;
  } catch (error) {
    client.destroy();
    throw error;
  } finally {
    signal.removeEventListener("abort", destroy);
  }
}

interface ServerOptions extends ConnectOptions {
  livenessMs: number;
  /** Refuse a server that has been made a replica. */
  requireMaster?: boolean;
}

async function connectServer(target: RedisTarget, options: ServerOptions): Promise<Connection> {
  const { livenessMs, requireMaster = false } = options;
  const client = createClient(clientOptions(target, livenessMs));
  await open(client, options, async () => {
    // it may be loading its data still, or be a master no more
    const reply: unknown = await client.sendCommand([requireMaster ? "ROLE" : "PING"]);
    if (requireMaster && (reply as string[])[0] !== "master") throw new Error(`${target.host} is no master`);
  });
  return {
    send: (args) => client.sendCommand(args),
    [Symbol.dispose]: () => client.destroy(),
  };
}

/**
 * Asks the sentinels in turn until one names a master that answers. That sentinel is listened to as long as the
 * connection lives: a master that is replaced goes on answering for a while, and what it is told is lost.
 */
async function connectMaster(
  target: RedisTarget,
  options: ServerOptions & { sentinels: readonly Address[] },
): Promise<Connection> {
  const { sentinels, onLost, signal, livenessMs } = options;
  const service = target.host;
  let cause: unknown;
  for (const { host, port } of sentinels) {
    signal.throwIfAborted();
    const sentinel = createClient({
      socket: socketOptions({ host, port, tls: false }, livenessMs),
      ...COMMON,
      pingInterval: livenessMs / 2,
    });
    try {
      const connection = await open(sentinel, options, async () => {
        await sentinel.subscribe("+switch-master", (message) => {
          if (message.startsWith(`${service} `)) onLost(new Error(`${service} has a new master`));
        });
        const address: unknown = await sentinel.sendCommand(["SENTINEL", "GET-MASTER-ADDR-BY-NAME", service]);
        if (!Array.isArray(address)) throw new Error(`The sentinel does not know ${service}`);
        const master = { ...target, host: String(address[0]), port: Number(address[1]) };
        return await connectServer(master, { ...options, requireMaster: true });
      });
      return {
        ...connection,
        [Symbol.dispose]() {
          connection[Symbol.dispose]();
          sentinel.destroy();
        },
      };
    } catch (error) {
      cause = error;
    }
  }
  throw new Error(`Cannot find the master of ${service}: no sentinel names one that answers`, { cause });
}

function clusterConnector(target: RedisTarget, livenessMs: number): Connect {
  // a later connection may start from any master that was known, when the node of the URL is gone
  let known: Address[] = [];
  return async (options) => {
    const defaults = clientOptions({ ...target, database: 0 }, livenessMs);
    const { host: _host, port: _port, ...socket } = defaults.socket;
    const roots = [{ host: target.host, port: target.port }, ...known];
    const cluster = createCluster({
      rootNodes: roots.map((address) => ({ ...defaults, socket: { ...defaults.socket, ...address } })),
      defaults: { ...defaults, socket },
      commandOptions: { timeout: undefined },
    });
    await open(cluster, options, () => Promise.resolve());
    known = cluster.masters.map(({ host, port }) => ({ host, port }));
    return {
      send: (args, key) => cluster.sendCommand(key, false, args),
      [Symbol.dispose]: () => cluster.destroy(),
    };
  };
}
