// The load client: runs one work against a server that speaks this project's wire protocol, in a process of its own.
//
//   node load.mjs --name NAME --port PORT --pid PID --work heartbeat|fanout|idle [--sockets 200] [--seconds 4]
//
// Prints one JSON line. CPU figures are microseconds of server CPU (user + system) per unit of work:
//   handshake  WebSocket upgrade + authenticated CONNECT + `user-join` acknowledged (part of every work)
//   heartbeat  `heartbeat` acknowledged, 8 in flight a socket
//   fanout     `events:channel` typing relayed to every member of channel `general`, per delivery
//   idle       resident memory a connection, nothing sent for the given seconds
import { fork } from "node:child_process";
import path from "node:path";
import process from "node:process";
import { parseArgs } from "node:util";
import { cpuSeconds, residentKiB, sleep } from "./servers.mjs";
import { openSessions, typing } from "./session.mjs";
import { signToken } from "./token.mjs";

const { values: opt } = parseArgs({
  options: {
    name: { type: "string", default: "server" },
    port: { type: "string" },
    pid: { type: "string" },
    work: { type: "string", default: "heartbeat" },
    sockets: { type: "string", default: "200" },
    seconds: { type: "string", default: "4" },
  },
});
const [port, pid, sockets, seconds] = [
  opt.port,
  opt.pid,
  opt.sockets,
  opt.seconds,
].map(Number);
const CONCURRENCY = 50,
  IN_FLIGHT = 8,
  RELAYS_IN_FLIGHT = 3,
  SESSIONS_PER_PROCESS = 2500;

/** Opens the sessions in this process, or in several when they are many; `open` is empty then. */
async function prepare() {
  const users = Array.from({ length: sockets }, (_, i) => `bench-${i}`);
  if (sockets <= SESSIONS_PER_PROCESS) {
    const tokens = await Promise.all(users.map(signToken));
    return () => openSessions(port, tokens, CONCURRENCY);
  }
  const answer = (child) =>
    new Promise((resolve, reject) => {
      child.once("message", resolve);
      child.once("exit", () => reject(new Error("a holder ended")));
    });
  const count = Math.ceil(sockets / SESSIONS_PER_PROCESS);
  const children = Array.from(
    { length: count },
    () => fork(path.join(import.meta.dirname, "holder.mjs")),
  );
  const all = (message) =>
    Promise.all(children.map((child, i) => {
      child.send(message(i));
      return answer(child);
    }));
  await all((i) => ({
    port,
    users: users.filter((_, k) => k % count === i),
    concurrency: Math.ceil(CONCURRENCY / count),
  }));
  return () => all(() => "open").then(() => []);
}

const begin = await prepare();
const kib0 = residentKiB(pid), cpu0 = cpuSeconds(pid), t0 = performance.now();
const open = await begin();
const openSeconds = (performance.now() - t0) / 1000;
await sleep(500);
const result = {
  name: opt.name,
  work: opt.work,
  sockets,
  handshakesPerSecond: Math.round(sockets / openSeconds),
  handshakeCpuMicros: Math.round((cpuSeconds(pid) - cpu0) * 1e6 / sockets),
};

let units = 0;
const start = performance.now(), cpuStart = cpuSeconds(pid);
const elapsedMs = () => performance.now() - start;
if (opt.work === "heartbeat") {
  let stop = false;
  for (const ws of open) {
    // replies to acked frames keep the pipe full; an id may be used again once it was acked
    ws.onframe = (frame) => {
      if (!frame.startsWith("43")) return;
      units++;
      if (!stop) ws.send(`42${frame[2]}["heartbeat",{}]`);
    };
    // 0 is the id of `user-join`
    for (let id = 1; id <= IN_FLIGHT; id++) ws.send(`42${id}["heartbeat",{}]`);
  }
  await sleep(seconds * 1000);
  stop = true;
} else if (opt.work === "fanout") {
  for (const ws of open) {
    ws.onframe = (frame) => {
      if (frame.startsWith('42["events:channel"')) units++;
    };
  }
  const frame = typing(null);
  for (let sent = 0; elapsedMs() < seconds * 1000; sent++) {
    open[sent % sockets].send(frame);
    const floor = (sent - RELAYS_IN_FLIGHT) * (sockets - 1); // a relay may skip its sender
    while (units < floor && elapsedMs() < seconds * 1000 + 2000) {
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
} else {
  await sleep(seconds * 1000);
  result.kibPerConnection = Number(
    ((residentKiB(pid) - kib0) / sockets).toFixed(1),
  );
}
if (units > 0) {
  const wall = elapsedMs() / 1000, cpu = cpuSeconds(pid) - cpuStart;
  result.perSecond = Math.round(units / wall);
  result.cpuMicros = Number((cpu * 1e6 / units).toFixed(2));
  result.serverCores = Number((cpu / wall).toFixed(2));
}
console.log(JSON.stringify(result));
process.exit(0);
