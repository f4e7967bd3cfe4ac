// Measures one-node servers side by side on the same work, in turns; prints a JSON line a run and a table of medians.
//
//   node run.mjs [--rounds 3] [--work heartbeat,fanout,idle] [--connections 2000] [--seconds 4] NAME|NAME='COMMAND' …
//
// Each COMMAND is started by bash with PORT and JWT_SECRET set and must listen on 127.0.0.1:$PORT.
// These need only be named: ours, and the peers raw, node, python (left out where Debian's python3-socketio, -uvicorn, -websockets
// and -jwt are not installed). `--connections` is the number of idle ones.
import { spawn, spawnSync } from "node:child_process";
import path from "node:path";
import process from "node:process";
import { text } from "node:stream/consumers";
import { parseArgs } from "node:util";
import { median, parseSpec, startServer } from "./servers.mjs";

const { values: opt, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: "string", default: "3" },
    work: { type: "string", default: "heartbeat,fanout,idle" },
    connections: { type: "string", default: "2000" },
    seconds: { type: "string", default: "4" },
  },
});
const SOCKETS = { heartbeat: "200", fanout: "500", idle: opt.connections };
const TIMEOUT_MS = 120_000;

function isThere([name]) {
  if (name !== "python") return true;
  const modules = "import jwt, socketio, uvicorn, websockets";
  return spawnSync("/usr/bin/python3", ["-c", modules], { stdio: "ignore" })
    .status === 0;
}

async function measure([name, command], work) {
  const failed = (why) => ({ name, work, failed: String(why) });
  let server;
  try {
    server = await startServer(command);
    const args = {
      name,
      work,
      port: server.port,
      pid: server.pid,
      sockets: SOCKETS[work],
      seconds: opt.seconds,
    };
    const child = spawn(process.execPath, [
      path.join(import.meta.dirname, "load.mjs"),
      ...Object.entries(args).flatMap((
        [key, value],
      ) => [`--${key}`, String(value)]),
    ], { stdio: ["ignore", "pipe", "inherit"], timeout: TIMEOUT_MS });
    const line = await text(child.stdout);
    return line === "" ? failed("the load client ended") : JSON.parse(line);
  } catch (error) {
    return failed(error);
  } finally {
    await server?.stop();
  }
}

const FIGURES = [
  ["handshake, CPU µs", (row) => row.work !== "idle" && row.handshakeCpuMicros],
  ["acked event, CPU µs", (row) => row.work === "heartbeat" && row.cpuMicros],
  [
    "fan-out, CPU µs a delivery",
    (row) => row.work === "fanout" && row.cpuMicros,
  ],
  [
    `handshake of ${opt.connections}, CPU µs`,
    (row) => row.work === "idle" && row.handshakeCpuMicros,
  ],
  [
    "memory, KiB a connection",
    (row) => row.work === "idle" && row.kibPerConnection,
  ],
];

function table(rows, names) {
  console.log(
    ["figure".padEnd(30), ...names.map((name) => name.padStart(30))].join(""),
  );
  for (const [figure, pick] of FIGURES) {
    const at = (name) =>
      median(
        rows.filter((row) => row.name === name && !row.failed).map(pick).filter(
          Number.isFinite,
        ),
      );
    if (names.every((name) => Number.isNaN(at(name)))) continue;
    const cell = (name) => {
      const ratios = ["raw", "node"].filter((peer) => peer !== name && names.includes(peer))
        .map((peer) => `${(at(name) / at(peer)).toFixed(2)}×${peer}`).join(" ");
      return ratios === "" ? String(at(name)) : `${at(name)} (${ratios})`;
    };
    console.log(
      [figure.padEnd(30), ...names.map((name) => cell(name).padStart(30))].join(
        "",
      ),
    );
  }
}

const servers = positionals.map(parseSpec).filter(isThere);
const rows = [];
for (let round = 0; round < Number(opt.rounds); round++) {
  for (const work of opt.work.split(",")) {
    for (const server of servers) {
      rows.push(await measure(server, work));
      console.log(JSON.stringify(rows.at(-1)));
    }
  }
}
table(rows, servers.map(([name]) => name));
