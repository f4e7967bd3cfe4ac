// Starts a server in a process group of its own on a free port, and reads its CPU time and memory from /proc.
import { spawn } from "node:child_process";
import fs from "node:fs";
import net from "node:net";
import path from "node:path";
import process from "node:process";

process.env.JWT_SECRET ??= "bench-secret-of-at-least-32-bytes!!";
const TICKS_PER_SECOND = 100;
const START_TRIES = 600, TRY_EVERY_MS = 100, WARM_UP_MS = 1000;
const peers = path.join(import.meta.dirname, "peers");
const { tasks } = JSON.parse(fs.readFileSync(path.join(import.meta.dirname, "../../deno.json"), "utf8"));

/** What can be named, as shell commands that run in the project's root; `ours` is what `deno task start` starts. */
export const SERVERS = {
  raw: `exec deno run -A --no-lock --no-config ${peers}/raw_deno.ts`,
  node: `exec node ${peers}/socketio_node.mjs`,
  python: `exec /usr/bin/python3 ${peers}/socketio_python.py`,
  streams: `ADAPTER=streams exec node ${peers}/socketio_node_fleet.mjs`,
  ours: tasks.start.split("&&").at(-1),
  pubsub: `ADAPTER=pubsub exec node ${peers}/socketio_node_fleet.mjs`,
};

export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** A port of 127.0.0.1 that nobody listens on. */
export function freePort() {
  return new Promise((resolve) => {
    const server = net.createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

function reachable(port) {
  return new Promise((resolve) => {
    const socket = net.connect(port, "127.0.0.1", () => {
      socket.destroy();
      resolve(true);
    });
    socket.on("error", () => resolve(false));
  });
}

/** Settles once somebody listens on `port`. */
export async function listening(port) {
  for (let i = 0; i < START_TRIES; i++) {
    if (await reachable(port)) return;
    await sleep(TRY_EVERY_MS);
  }
  throw new Error(`nothing listens on ${port}`);
}

/** The process that listens on `port`; it may be a child of the command that was started. */
function listenerOf(port) {
  const hex = port.toString(16).toUpperCase().padStart(4, "0");
  const inodes = new Set(
    ["/proc/net/tcp", "/proc/net/tcp6"].flatMap((file) =>
      fs.readFileSync(file, "utf8").split("\n").map((line) => line.trim().split(/\s+/))
        .filter((columns) => columns[1]?.endsWith(`:${hex}`) && columns[3] === "0A")
        .map((columns) => `socket:[${columns[9]}]`)
    ),
  );
  for (
    const pid of fs.readdirSync("/proc").filter((name) => /^\d+$/.test(name))
  ) {
    try {
      for (const descriptor of fs.readdirSync(`/proc/${pid}/fd`)) {
        if (inodes.has(fs.readlinkSync(`/proc/${pid}/fd/${descriptor}`))) {
          return Number(pid);
        }
      }
    } catch { /* gone meanwhile, or not ours */ }
  }
  throw new Error(`no process listens on ${port}`);
}

/** CPU seconds, user and system, that a process has taken. */
export function cpuSeconds(pid) {
  const fields = fs.readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]
    .split(" ");
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}

/** Resident memory of a process in KiB. */
export function residentKiB(pid) {
  return Number(
    /VmRSS:\s+(\d+)/.exec(fs.readFileSync(`/proc/${pid}/status`, "utf8"))[1],
  );
}

/** Starts `command` and waits until it listens. Limits are off: the bench measures the path, not the limiter. */
export async function startServer(command, env = {}) {
  const port = await freePort();
  const child = spawn("bash", ["-c", command], {
    detached: true,
    stdio: "ignore",
    env: {
      ...process.env,
      PORT: String(port),
      DATA_DIR: process.env.DATA_DIR ?? "./data",
      EVENTS_PER_SECOND: "0",
      SESSIONS_PER_USER: "1000000",
      ADMISSION_CONNECTS_PER_SECOND: "1000000",
      ...env,
    },
  });
  const stop = () =>
    new Promise((resolve) => {
      if (child.exitCode !== null) return resolve();
      child.once("exit", resolve);
      process.kill(-child.pid, "SIGKILL");
    });
  try {
    await listening(port);
    await sleep(WARM_UP_MS);
    return { port, pid: listenerOf(port), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** `NAME='COMMAND'` or the name of a peer → `[name, command]`. */
export function parseSpec(text) {
  const at = text.indexOf("=");
  const name = at < 0 ? text : text.slice(0, at);
  const command = at < 0 ? SERVERS[name] : text.slice(at + 1);
  if (command === undefined) throw new Error(`unknown server: ${text}`);
  return [name, command];
}

/** The value in the middle; NaN of none. */
export function median(values) {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ??
    NaN;
}
