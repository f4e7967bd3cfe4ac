/**
 * Opens one connection to Redis, once: to a server, to the master that sentinels name, or to all masters of a Cluster.
 * It never reconnects by itself; a lost connection is reported, and its owner opens the next one.
 */
import { createClient, createCluster, RESP_TYPES } from "redis";
import { Buffer } from "node:buffer";
import { type Address, parseRedisUrl, type RedisOptions, type RedisTarget } from "./options.ts";

/** An open connection. After it was lost, every call rejects; disposing it rejects what is under way. */
export interface Connection extends Disposable {
  send(args: readonly (string | Buffer)[], options: { key?: string; binary?: boolean }): Promise<unknown>;
  sendToMasters(args: readonly (string | Buffer)[]): Promise<unknown[]>;
  subscribe(channel: string, listener: (message: Buffer) => void): Promise<void>;
  unsubscribe(channel: string): Promise<void>;
}

/** Options of a {@linkcode Connect}. */
export interface ConnectOptions {
  /** Called once, when an open connection is lost. */
  onLost: (cause: unknown) => void;
  /** Gives up opening. */
  signal: AbortSignal;
}

/** Opens a connection; rejects when it cannot. */
export type Connect = (options: ConnectOptions) => Promise<Connection>;

const CONNECT_TIMEOUT_MS = 2000;
const DEFAULT_LIVENESS_MS = 5000;
const BINARY = { typeMapping: { [RESP_TYPES.BLOB_STRING]: Buffer } };

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
  return async (how) => {
    const master = await findMaster(sentinels, { service: target.host, signal: how.signal });
    return connectServer({ ...target, ...master }, { ...how, livenessMs, requireMaster: true });
  };
}

function clientOptions({ username, password, database, ...target }: RedisTarget, livenessMs: number) {
  return {
    ...(username !== undefined && { username }),
    ...(password !== undefined && { password }),
    ...(database !== 0 && { database }),
    socket: socketOptions(target, livenessMs),
    // a stalled server answers no ping, and the idle socket is given up
    pingInterval: livenessMs / 2,
    disableOfflineQueue: true,
    commandOptions: { timeout: undefined },
    maintNotifications: "disabled" as const,
  };
}

function socketOptions({ host, port, tls }: Address & { tls: boolean }, livenessMs: number) {
  const common = {
    host,
    port,
    connectTimeout: CONNECT_TIMEOUT_MS,
    socketTimeout: livenessMs,
    reconnectStrategy: false as const,
  };
  return { ...common, ...(tls && { tls: true as const }) };
}

interface ServerOptions extends ConnectOptions {
  livenessMs: number;
  /** Refuse a server that has been made a replica. */
  requireMaster?: boolean;
}

async function connectServer(target: RedisTarget, options: ServerOptions): Promise<Connection> {
  const { onLost, signal, livenessMs, requireMaster = false } = options;
  const client = createClient(clientOptions(target, livenessMs));
  client.on("error", onLost);
  const destroy = (): void => client.destroy();
  signal.addEventListener("abort", destroy);
  try {
    await client.connect();
    const [role] = await client.sendCommand(["ROLE"]) as unknown as [string];
    if (requireMaster && role !== "master") throw new Error(`Cannot use ${target.host}: it is a ${role}`);
  } catch (error) {
    client.destroy();
    throw error;
  } finally {
    signal.removeEventListener("abort", destroy);
  }
  return {
    send: (args, { binary }) => client.sendCommand(args, binary ? BINARY : undefined),
    sendToMasters: async (args) => [await client.sendCommand(args)],
    subscribe: (channel, listener) => client.subscribe(channel, listener, true),
    unsubscribe: (channel) => client.unsubscribe(channel),
    [Symbol.dispose]: destroy,
  };
}

/** Asks the sentinels in turn; the first that knows the service answers. */
async function findMaster(
  sentinels: readonly Address[],
  { service, signal }: { service: string; signal: AbortSignal },
): Promise<Address> {
  let cause: unknown;
  for (const sentinel of sentinels) {
    signal.throwIfAborted();
    const client = createClient({
      socket: {
        ...sentinel,
        connectTimeout: CONNECT_TIMEOUT_MS,
        socketTimeout: CONNECT_TIMEOUT_MS,
        reconnectStrategy: false,
      },
      commandOptions: { timeout: undefined },
      maintNotifications: "disabled",
    });
    client.on("error", (error) => cause = error);
    try {
      await client.connect();
      const reply: unknown = await client.sendCommand(["SENTINEL", "GET-MASTER-ADDR-BY-NAME", service]);
      if (Array.isArray(reply)) return { host: String(reply[0]), port: Number(reply[1]) };
    } catch (error) {
      cause = error;
    } finally {
      client.destroy();
    }
  }
  throw new Error(`Cannot find the master of ${service}: no sentinel names it`, { cause });
}

function clusterConnector(target: RedisTarget, livenessMs: number): Connect {
  // a later connection may start from any master that was known, when the node of the URL is gone
  let known: Address[] = [];
  return async ({ onLost, signal }) => {
    const defaults = clientOptions({ ...target, database: 0 }, livenessMs);
    const { host: _host, port: _port, ...socket } = defaults.socket;
    const roots = [{ host: target.host, port: target.port }, ...known];
    const cluster = createCluster({
      rootNodes: roots.map((address) => ({ ...defaults, socket: { ...defaults.socket, ...address } })),
      defaults: { ...defaults, socket },
      commandOptions: { timeout: undefined },
    });
    let open = false;
    const lost = (cause: unknown): void => {
      // while it opens, a root that is away is no reason to give up on the others
      if (open) onLost(cause);
    };
    cluster.on("error", lost);
    cluster.on("node-error", lost);
    const destroy = (): void => cluster.destroy();
    signal.addEventListener("abort", destroy);
    try {
      await cluster.connect();
      open = true;
    } catch (error) {
      cluster.destroy();
      throw error;
    } finally {
      signal.removeEventListener("abort", destroy);
    }
    known = cluster.masters.map(({ host, port }) => ({ host, port }));
    return {
      send: (args, { key, binary }) =>
        cluster.sendCommand(key, false, args as string[], binary ? BINARY : undefined),
      sendToMasters: (args) =>
        Promise.all(cluster.masters.map(async (node) => (await cluster.nodeClient(node)).sendCommand(args))),
      subscribe: async (channel, listener) => void await cluster.subscribe(channel, listener, true),
      unsubscribe: async (channel) => void await cluster.unsubscribe(channel),
      [Symbol.dispose]: destroy,
    };
  };
}
