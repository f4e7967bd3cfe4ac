/**
 * What one change of presence costs the server: 10,000 users online, 1,000 of whom watch all others; one user goes
 * away and comes back again and again. Run: `deno run -A bench/presence.ts [users] [watchers]`.
 */
import { startTether, TEST_SECRET } from "../tests/support/tether_process.ts";
import { testToken } from "../tests/support/tokens.ts";

const CHANGES = 100, OPENED_AT_ONCE = 50;
const users = Number(Deno.args[0] ?? 10_000), watchers = Number(Deno.args[1] ?? 1_000);

/** A connection by hand: a client library would cost more than the server does. */
interface Line {
  send(packet: string): void;
  /** Gets each event packet. */
  onPacket: (packet: string) => void;
}

function openLine(url: string, token: string): Promise<Line> {
  const socket = new WebSocket(`${url.replace("http", "ws")}/ws/socket.io/?EIO=4&transport=websocket`);
  return new Promise((resolve, reject) => {
    const line: Line = { send: (packet) => socket.send(packet), onPacket() {} };
    socket.onerror = () => reject(new Error("Cannot connect"));
    socket.onmessage = ({ data }: MessageEvent<string>) => {
      if (data[0] === "0") socket.send(`40${JSON.stringify({ token })}`);
      else if (data[0] === "2") socket.send("3");
      else if (data.startsWith("40")) resolve(line);
      else if (data.startsWith("44")) reject(new Error(data));
      else line.onPacket(data);
    };
  });
}

function answer(line: Line, event: string, payload: unknown): Promise<void> {
  return new Promise((resolve) => {
    line.onPacket = (packet) => packet.startsWith("431[") && resolve();
    line.send(`421${JSON.stringify([event, payload])}`);
  });
}

/** The CPU time of a process so far, in milliseconds. */
async function cpuMs(pid: number): Promise<number> {
  const [utime, stime] = (await Deno.readTextFile(`/proc/${pid}/stat`)).split(") ")[1]!.split(" ").slice(
    11,
    13,
  );
  return (Number(utime) + Number(stime)) * 10;
}

await using server = await startTether({
  env: {
    ...{ JWT_SECRET: TEST_SECRET, ADMISSION_CONNECTS_PER_SECOND: "1000000", EVENTS_PER_SECOND: "0" },
    WEBSOCKET_SERVER_PING_INTERVAL: "300",
  },
});
const lines: Line[] = [];
while (lines.length < users) {
  const batch = Array.from({ length: Math.min(OPENED_AT_ONCE, users - lines.length) }, async (_, index) => {
    const id = `user-${lines.length + index}`;
    return await openLine(server.url, await testToken({ claims: { sub: id, name: id } }));
  });
  lines.push(...await Promise.all(batch));
}
console.log(`${users} users are online`);

async function cost(what: string, watching: readonly Line[]): Promise<void> {
  let heard = 0, all = Promise.withResolvers<void>();
  for (const line of watching) {
    line.onPacket = (packet) => {
      if (packet.includes('"presence:change"') && ++heard === watching.length) all.resolve();
    };
  }
  const changing = lines.at(-1)!;
  const before = await cpuMs(server.pid), start = performance.now();
  for (let change = 0; change < CHANGES; change++) {
    heard = 0;
    all = Promise.withResolvers();
    await answer(changing, "heartbeat", { active: change % 2 === 1 });
    if (watching.length > 0) await all.promise;
  }
  const ms = (await cpuMs(server.pid) - before) / CHANGES;
  const perWatcher = watching.length > 0 ? `, ${(ms * 1000 / watching.length).toFixed(1)} µs a watcher` : "";
  const wall = (performance.now() - start) / CHANGES;
  console.log(
    `${what}: ${ms.toFixed(2)} ms of CPU a change${perWatcher}; all know after ${wall.toFixed(1)} ms`,
  );
}

await cost("no watcher", []);
const watching = lines.slice(0, watchers);
for (const line of watching) await answer(line, "presence:list", {});
await cost(`${watchers} watchers`, watching);
await server.kill();
Deno.exit();
