/** Several server processes on one Redis, as in production, with the shortest leases that the settings allow. */
import { type ForeignClient, foreignClient } from "./foreign_client.ts";
import { type RedisServer, startRedis, type StartRedisOptions } from "./redis_server.ts";
import { startTcpProxy, type TcpProxy } from "./tcp_proxy.ts";
import { startTether, TEST_SECRET, type TetherProcess } from "./tether_process.ts";
import { testToken } from "./tokens.ts";

export const SERVICE_TOKEN = "a-service-token-for-tests";

/** Options of {@linkcode startFleet}. */
export interface FleetOptions {
  /** How many nodes; default 3. */
  nodes?: number;
  /** Settings beside those of every fleet. */
  env?: Record<string, string>;
  redis?: StartRedisOptions;
  /** Whether each node comes to Redis through a proxy of its own. */
  links?: boolean;
}

/** A running fleet. Disposing it kills everything. */
export interface TestFleet extends AsyncDisposable {
  readonly redis: RedisServer;
  readonly nodes: readonly TetherProcess[];
  /** The nodes' ways to Redis, when they were asked for. */
  readonly links: readonly TcpProxy[];
  /** A client of a node, not connected yet. */
  client(node: number, user?: string): Promise<ForeignClient>;
  /** What `/readyz` of a node says. */
  readiness(node: number): Promise<{ ready: boolean; reason?: string }>;
}

/** Starts Redis, then the nodes. */
export async function startFleet(
  { nodes = 3, env = {}, redis: how, links: hasLinks = false }: FleetOptions = {},
): Promise<TestFleet> {
  await using stack = new AsyncDisposableStack();
  const redis = stack.use(await startRedis(how));
  const links = Array.from({ length: hasLinks ? nodes : 0 }, () => stack.use(startTcpProxy(redis.port)));
  const processes = await Promise.all(Array.from({ length: nodes }, (_, node) =>
    startTether({
      env: {
        ...{ JWT_SECRET: TEST_SECRET, WEBSOCKET_HEARTBEAT_INTERVAL: "5" },
        REDIS_URL: links[node]?.url.replace("http", "redis") ?? redis.url,
        SERVICE_TOKEN,
        ...{ ADMISSION_CONNECTS_PER_SECOND: "100000", EVENTS_PER_SECOND: "0" },
        ...env,
      },
    })));
  for (const process of processes) stack.use(process);
  const owned = stack.move();
  return {
    redis,
    nodes: processes,
    links,
    async client(node, user = "ada") {
      return foreignClient(processes[node]!.url, {
        token: await testToken({ claims: { sub: user, name: user } }),
      });
    },
    async readiness(node) {
      const response = await fetch(`${processes[node]!.url}/readyz`);
      return await response.json();
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}
