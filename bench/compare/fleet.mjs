// Measures nodes joined by Redis: an event of a client on one node to clients on another.
//
//   node fleet.mjs [--rounds 3] [--seconds 4] [--nodes 2] [NAME|NAME='COMMAND' …]
//
// With more than two nodes, the others hold nobody: what they cost is the price of the fleet's size. The peers
// `streams` and `pubsub` (Socket.IO on Node.js with the two Redis adapters) and `ours` need only be named; each COMMAND is started
// by bash once a node with PORT, REDIS_URL and JWT_SECRET set and must listen on 127.0.0.1:$PORT.
// Needs redis-server. Prints one JSON line a run, then medians with ratios to the first server named:
//   latency     ms from a client's send on one node to the receipt by a client on the other, 100 a second
//   one to one  CPU µs of all nodes and of Redis an event, sender and one receiver on different nodes, 32 in flight
//   one to many CPU µs of all nodes and of Redis a delivery, one sender, 200 receivers on each of two nodes
import { spawn } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import process from "node:process";
import { parseArgs } from "node:util";
import { cpuSeconds, freePort, listening, median, parseSpec, sleep, startServer } from "./servers.mjs";
import { openSession, openSessions, typing } from "./session.mjs";
import { signToken } from "./token.mjs";

const { values: opt, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: "string", default: "3" },
    seconds: { type: "string", default: "4" },
    nodes: { type: "string", default: "2" },
  },
});
const seconds = Number(opt.seconds);
const SENDS_PER_SECOND = 100,
  IN_FLIGHT = 32,
  RECEIVERS_PER_NODE = 200,
  RELAYS_IN_FLIGHT = 3,
  CONCURRENCY = 20;
const MARK = /"message_id":"t([\d.]+)"/;
const turn = () => new Promise((resolve) => setImmediate(resolve));

async function startRedis() {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), "bench-fleet-"));
  const port = await freePort();
  const args = [
    "--port",
    port,
    "--bind",
    "127.0.0.1",
    "--save",
    "",
    "--appendonly",
    "no",
    "--dir",
    dir,
  ];
  const child = spawn("redis-server", args.map(String), { stdio: "ignore" });
  await listening(port);
  return {
    url: `redis://127.0.0.1:${port}`,
    pid: child.pid,
    stop() {
      child.kill("SIGKILL");
      fs.rmSync(dir, { recursive: true, force: true });
    },
  };
}

/** The times from sending to receiving, in order of length. */
async function latencies(sender, receiver) {
  const times = [];
  receiver.onframe = (frame) => {
    const mark = MARK.exec(frame);
    if (mark) times.push(performance.now() - Number(mark[1]));
  };
  for (let i = 0; i < seconds * SENDS_PER_SECOND; i++) {
    sender.send(typing(`t${performance.now().toFixed(3)}`));
    await sleep(1000 / SENDS_PER_SECOND);
  }
  await sleep(300);
  return times.sort((a, b) => a - b);
}

async function oneToOne(sender, receiver, cpu) {
  let got = 0, sent = 0;
  receiver.onframe = (frame) => {
    if (MARK.test(frame)) got++;
  };
  const before = cpu(), start = performance.now();
  while (performance.now() - start < seconds * 1000) {
    while (sent - got < IN_FLIGHT) sender.send(typing(`t${sent++}`));
    await turn();
  }
  return {
    perSecond: Math.round(got / seconds),
    cpuMicros: Number(((cpu() - before) * 1e6 / got).toFixed(1)),
  };
}

async function oneToMany(sender, crowd, cpu) {
  let deliveries = 0;
  for (const ws of crowd) {
    ws.onframe = (frame) => {
      if (MARK.test(frame)) deliveries++;
    };
  }
  const before = cpu(), start = performance.now();
  for (let sent = 0; performance.now() - start < seconds * 1000;) {
    sender.send(typing(`t${sent++}`));
    const floor = (sent - RELAYS_IN_FLIGHT) * crowd.length;
    while (deliveries < floor && performance.now() - start < seconds * 1000) {
      await turn();
    }
  }
  return {
    perSecond: Math.round(deliveries / seconds),
    cpuMicros: Number(((cpu() - before) * 1e6 / deliveries).toFixed(2)),
  };
}

async function measure([name, command]) {
  const redis = await startRedis();
  const nodes = [];
  try {
    for (let i = 0; i < Number(opt.nodes); i++) {
      nodes.push(await startServer(command, { REDIS_URL: redis.url }));
    }
    const [a, b] = nodes;
    const cpu = () =>
      nodes.reduce(
        (sum, { pid }) => sum + cpuSeconds(pid),
        cpuSeconds(redis.pid),
      );
    const sender = await openSession(a.port, await signToken("sender"));
    const receiver = await openSession(b.port, await signToken("receiver"));
    await sleep(500);

    const times = await latencies(sender, receiver);
    const at = (quantile) => Number(times[Math.floor(times.length * quantile)].toFixed(2));
    const one = await oneToOne(sender, receiver, cpu);
    await sleep(300);
    const crowd = [];
    for (const { port } of [a, b]) {
      const users = Array.from(
        { length: RECEIVERS_PER_NODE },
        (_, i) => `crowd-${port}-${i}`,
      );
      crowd.push(
        ...await openSessions(
          port,
          await Promise.all(users.map(signToken)),
          CONCURRENCY,
        ),
      );
    }
    await sleep(500);
    const many = await oneToMany(sender, crowd, cpu);
    return {
      name,
      received: times.length,
      sent: seconds * SENDS_PER_SECOND,
      p50: at(0.5),
      p99: at(0.99),
      oneToOne: one,
      oneToMany: many,
    };
  } finally {
    for (const node of nodes) await node.stop();
    redis.stop();
  }
}

const servers = positionals.map(parseSpec);
const rows = [];
for (let round = 0; round < Number(opt.rounds); round++) {
  for (const server of servers) {
    rows.push(
      await measure(server).catch((error) => ({
        name: server[0],
        failed: String(error),
      })),
    );
    console.log(JSON.stringify(rows.at(-1)));
  }
}
for (
  const [figure, pick] of [
    ["latency ms, median", (row) => row.p50],
    ["latency ms, p99", (row) => row.p99],
    ["one to one, CPU µs an event", (row) => row.oneToOne.cpuMicros],
    ["one to many, CPU µs a delivery", (row) => row.oneToMany.cpuMicros],
  ]
) {
  const at = (name) => median(rows.filter((row) => row.name === name && !row.failed).map(pick));
  const [[first]] = servers;
  const cells = servers.map(([name]) =>
    `${name} ${at(name)} (${(at(name) / at(first)).toFixed(2)}×${first})`
  );
  console.log(figure.padEnd(34), cells.join("   "));
}
process.exit(0);
