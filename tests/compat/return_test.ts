/** Ordinary Socket.IO clients, of JavaScript and of Python, come back by themselves, whatever ended their session. */
import assert from "node:assert/strict";
import { io, type Socket } from "socket.io-client";
import { apiClient } from "../support/api.ts";
import { SERVICE_TOKEN, startFleet } from "../support/fleet.ts";
import { startTcpProxy } from "../support/tcp_proxy.ts";
import { startTether, TEST_SECRET } from "../support/tether_process.ts";
import { until } from "../support/until.ts";
import { testToken } from "../support/tokens.ts";

interface StockClient extends AsyncDisposable {
  /** The next session that it gets; every session counts once. */
  session(): Promise<void>;
  readonly isConnected: boolean;
}

interface StockOptions {
  user?: string;
  transport?: "websocket" | "polling";
}

/** As any application has it; only its back-off is shorter. */
async function stockClient(url: string, options: StockOptions = {}): Promise<StockClient> {
  const { user = "ada", transport = "websocket" } = options;
  const token = await testToken({ claims: { sub: user, name: user } });
  const socket: Socket = io(url, {
    path: "/ws/socket.io/",
    transports: [transport],
    forceNew: true,
    reconnectionDelay: 100,
    reconnectionDelayMax: 500,
    auth: { token },
  });
  const sessions = counter();
  socket.on("session:ready", sessions.add);
  return {
    session: sessions.take,
    get isConnected() {
      return socket.connected;
    },
    async [Symbol.asyncDispose]() {
      const { engine } = socket.io;
      const closed = engine?.readyState === "open" || engine?.readyState === "opening"
        ? new Promise((resolve) => engine.once("close", resolve))
        : undefined;
      socket.disconnect();
      await closed;
      // a request that was under way ends with timers of the client's own, one after the other, of no time
      for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setTimeout(resolve, 10));
    },
  };
}

async function pythonClient(url: string): Promise<StockClient> {
  const script = new URL("./reconnecting_client.py", import.meta.url).pathname;
  const child = new Deno.Command("/usr/bin/python3", {
    args: [script, url, await testToken()],
    stdin: "null",
    stdout: "piped",
    stderr: "null",
  }).spawn();
  const sessions = counter();
  const reading = (async () => {
    for await (const text of child.stdout.pipeThrough(new TextDecoderStream())) {
      for (const line of text.split("\n")) if (line.startsWith("ready")) sessions.add();
    }
  })();
  return {
    session: sessions.take,
    isConnected: true,
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await Promise.all([child.status, reading]);
    },
  };
}

function counter(): { add: () => void; take: () => Promise<void> } {
  let waiting = 0;
  const takers: (() => void)[] = [];
  return {
    add() {
      const taker = takers.shift();
      if (taker === undefined) waiting++;
      else taker();
    },
    take() {
      if (waiting === 0) return new Promise((resolve) => void takers.push(resolve));
      waiting--;
      return Promise.resolve();
    },
  };
}

Deno.test("stock clients come back after a graceful restart", async () => {
  await using server = await startTether({ env: { JWT_SECRET: TEST_SECRET } });
  await using one = await stockClient(server.url);
  await using two = await stockClient(server.url, { transport: "polling" });
  await using python = await pythonClient(server.url);
  const clients = [one, two, python];
  await Promise.all(clients.map((client) => client.session()));
  assert.equal(await server.stop(), 0);
  await server.start();
  await Promise.all(clients.map((client) => client.session()));
});

Deno.test("a node that drains serves until each client's own time, and all go on at the other node", async () => {
  await using fleet = await startFleet({ nodes: 2, env: { DRAIN_SECONDS: "2" } });
  const [leaving, staying] = fleet.nodes;
  await using balancer = startTcpProxy(leaving!.port, staying!.port);
  await using stack = new AsyncDisposableStack();
  const clients: StockClient[] = [];
  for (let index = 0; index < 20; index++) {
    const client = stack.use(await stockClient(balancer.url, { user: `user-${index}` }));
    await client.session();
    clients.push(client);
  }
  // a node that knows of no other one ends everybody at once
  await until(async () => (await (await fetch(`${leaving!.url}/metrics`)).text()).includes("tether_peers 1"));
  // every second one of the balancer's is on the node that leaves
  const times: number[] = [];
  const back = clients.filter((_, index) => index % 2 === 0).map(async (client) => {
    await client.session();
    times.push(performance.now());
  });
  const begun = performance.now();
  assert.equal(await leaving!.stop(), 0);
  await Promise.all(back);
  assert.ok(clients.every(({ isConnected }) => isConnected));
  // one after the other over the two seconds, not at once
  const waits = times.map((time) => time - begun);
  assert.ok(Math.max(...waits) - Math.min(...waits) > 1000, String(waits));
});

Deno.test("stock clients that come too many at once are all let in, one after the other", async () => {
  await using server = await startTether({
    env: { JWT_SECRET: TEST_SECRET, ADMISSION_CONNECTS_PER_SECOND: "4" },
  });
  await using stack = new AsyncDisposableStack();
  const clients = await Promise.all(Array.from({ length: 12 }, async () => {
    const client = await stockClient(server.url);
    return stack.use(client);
  }));
  await Promise.all(clients.map((client) => client.session()));
});

Deno.test("a stock client that read too slowly comes back", async () => {
  await using server = await startTether({
    env: { JWT_SECRET: TEST_SECRET, SERVICE_TOKEN, WEBSOCKET_SEND_BUFFER_BYTES: "100000" },
  });
  await using proxy = startTcpProxy(server.port);
  await using client = await stockClient(proxy.url);
  await client.session();
  // it takes nothing any more
  proxy.toClient.stalled = true;
  const ask = apiClient(server.url, SERVICE_TOKEN);
  const data = { type: "status", data: "x".repeat(500_000) };
  // the first ones fill what the system keeps for the connection
  for (let sessions: unknown = 1; sessions === 1;) {
    const answer = await ask("POST /api/events", { to: { userIds: ["ada"] }, data });
    sessions = (answer.body as { sessions: number }).sessions;
  }
  proxy.heal();
  proxy.drop();
  await client.session();
});

Deno.test("stock clients come back when Redis does", async () => {
  await using fleet = await startFleet({ nodes: 1 });
  const [node] = fleet.nodes;
  await using proxy = startTcpProxy(node!.port);
  await using client = await stockClient(proxy.url);
  await using python = await pythonClient(proxy.url);
  await Promise.all([client.session(), python.session()]);
  await fleet.redis.stop("SIGKILL");
  while ((await fleet.readiness(0)).ready);
  // their handshakes are refused from here on
  proxy.drop();
  await node!.printed(/server\/unavailable|Sessions cannot be written/);
  await fleet.redis.start();
  await Promise.all([client.session(), python.session()]);
});
