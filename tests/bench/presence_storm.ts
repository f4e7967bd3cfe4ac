/**
 * What presence costs the server when much happens: 600 users are gone at once before 600 watchers of all (`storm`), or
 * 1,000 with their node (`death`); and with 10,000 users online and 1,000 watchers of all, one user goes away and comes
 * back (`crowd`). Run: `deno run -A tests/bench/presence_storm.ts [storm | death | crowd] [users] [watchers]`.
 */
import { cpuMs } from "../support/proc.ts";
import { type RedisServer, startRedis } from "../support/redis_server.ts";
import { startTether, TEST_SECRET, type TetherProcess } from "../support/tether_process.ts";
import { type Line, openLine, openLines } from "./line.ts";

const GRACE_S = 1, QUIET_MS = 1000, BEAT_MS = 5, CHANGES = 30;

const [what = "storm", first, second] = Deno.args;
if (what === "--hold") await hold(first!, Number(second));
else if (what === "--beat") await beat(first!);
else if (what === "storm" || what === "death") {
  const dies = what === "death";
  await storm({ users: Number(first ?? (dies ? 1000 : 600)), watchers: Number(second ?? 600), dies });
} else await crowd(Number(first ?? 10_000), Number(second ?? 1_000));
Deno.exit();

/** A process that holds sessions until it is killed. */
async function hold(url: string, count: number): Promise<void> {
  await openLines(url, "gone", count);
  console.log("held");
  for await (const _ of Deno.stdin.readable);
}

/** A process that measures how long a heartbeat takes; says the worst whenever a line comes in. */
async function beat(url: string): Promise<void> {
  const line = await openLine(url, "beating");
  let worstMs = 0;
  void (async () => {
    for await (const _ of Deno.stdin.readable) {
      console.log(`worst ${worstMs.toFixed(1)}`);
      worstMs = 0;
    }
  })();
  for (;;) {
    const start = performance.now();
    await line.ask("heartbeat", {});
    worstMs = Math.max(worstMs, performance.now() - start);
    await pause(BEAT_MS);
  }
}

async function storm(
  { users, watchers, dies }: { users: number; watchers: number; dies: boolean },
): Promise<void> {
  await using redis = dies ? await startRedis() : undefined;
  await using server = await startServer(redis);
  await using other = dies ? await startServer(redis) : undefined;
  const holder = startSelf("--hold", (other ?? server).url, String(users));
  await holder.says();
  const beater = startSelf("--beat", server.url);
  const lines = await openLines(server.url, "watcher", watchers);
  for (const line of lines) await watchAll(line);
  const told = hear(lines, users, (name) => name.startsWith("gone"));
  const idle = await idleShare(server);
  await beater.asks();

  await longestBlock(server);
  const before = await cpuMs(server.pid), start = performance.now();
  if (other) await other.kill();
  else holder.kill();
  const heard = await told;
  const tookMs = performance.now() - start;
  await pause(QUIET_MS);
  const cpu = await cpuMs(server.pid) - before - idle * (performance.now() - start);
  const [, worst] = (await beater.asks()).split(" ");
  console.log(
    `${users} users ${dies ? "of another node that dies" : "gone at once"} before ${watchers} watchers: ` +
      `${Math.round(cpu)} ms of CPU, ${heard.frames} frames, ${(heard.bytes / 1e6).toFixed(1)} MB; ` +
      `all know after ${Math.round(tookMs)} ms (grace or lease included); ` +
      `worst heartbeat beside it ${worst} ms; longest block ${await longestBlock(server)} ms`,
  );
  if (other) holder.kill();
  beater.kill();
}

async function crowd(users: number, watchers: number): Promise<void> {
  await using server = await startServer();
  const lines = await openLines(server.url, "user", users);
  const watching = lines.slice(0, watchers);
  for (const line of watching) await watchAll(line);
  console.log(`${users} users are online, ${watchers} watch all of them`);
  const changing = lines.at(-1)!, name = `user${users - 1}`;
  await pause(QUIET_MS);
  const idle = await idleShare(server);
  await longestBlock(server);
  const before = await cpuMs(server.pid), start = performance.now();
  for (let change = 0; change < CHANGES; change++) {
    const told = hear(watching, 1, (user) => user === name);
    await changing.ask("heartbeat", { active: change % 2 === 1 });
    await told;
  }
  const wallMs = performance.now() - start;
  const cpu = (await cpuMs(server.pid) - before - idle * wallMs) / CHANGES;
  console.log(
    `a change: ${cpu.toFixed(1)} ms of CPU, all know after ${(wallMs / CHANGES).toFixed(1)} ms; ` +
      `longest block ${await longestBlock(server)} ms`,
  );
}

async function startServer(redis?: RedisServer): Promise<TetherProcess> {
  return await startTether({
    script: "tests/bench/watched_server.ts",
    env: {
      JWT_SECRET: TEST_SECRET,
      ADMISSION_CONNECTS_PER_SECOND: "1000000",
      EVENTS_PER_SECOND: "0",
      PRESENCE_GRACE_S: String(GRACE_S),
      WEBSOCKET_SERVER_PING_INTERVAL: "300",
      ...(redis && { REDIS_URL: redis.url, WEBSOCKET_HEARTBEAT_INTERVAL: "5" }),
    },
  });
}

/** Watches everybody, page by page. */
async function watchAll(line: Line): Promise<void> {
  let after: unknown;
  do {
    ({ next: after } = await line.ask("presence:list", after === undefined ? {} : { after, limit: 500 }));
  } while (after !== undefined && after !== null);
}

/** Resolves when each of `lines` has heard of `count` users whom `counts` counts: what came, in all. */
function hear(
  lines: readonly Line[],
  count: number,
  counts: (user: string) => boolean,
): Promise<{ frames: number; bytes: number }> {
  let frames = 0, bytes = 0, waiting = lines.length;
  return new Promise((resolve) => {
    for (const line of lines) {
      const seen = new Set<string>();
      line.onEvent = (frame) => {
        if (!frame.startsWith('42["presence:change')) return;
        frames++;
        bytes += frame.length;
        const [, payload] = JSON.parse(frame.slice(2)) as [string, { id: string; users?: { id: string }[] }];
        const before = seen.size;
        for (const { id } of payload.users ?? [payload]) if (counts(id)) seen.add(id);
        if (before < count && seen.size >= count && --waiting === 0) resolve({ frames, bytes });
      };
    }
  });
}

/** What share of a processor the server takes when nothing happens, mostly for the eye on it. */
async function idleShare({ pid }: TetherProcess): Promise<number> {
  const before = await cpuMs(pid), start = performance.now();
  await pause(2 * QUIET_MS);
  return (await cpuMs(pid) - before) / (performance.now() - start);
}

/** The longest block of the event loop since it was last asked for, in milliseconds. */
async function longestBlock(server: TetherProcess): Promise<string> {
  const said = (): RegExpMatchArray[] => [...server.output.matchAll(/Longest block: (\S+) ms/g)];
  const before = said().length;
  Deno.kill(server.pid, "SIGUSR2");
  while (said().length === before) await pause(5);
  return said().at(-1)![1]!;
}

/** This file as a process of its own. */
function startSelf(...args: string[]) {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", import.meta.filename!, ...args],
    stdin: "piped",
    stdout: "piped",
  }).spawn();
  const lines = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  const input = child.stdin.getWriter();
  const says = async (): Promise<string> => (await lines.read()).value?.trim() ?? "";
  return {
    says,
    async asks() {
      await input.write(new TextEncoder().encode("\n"));
      return await says();
    },
    kill: () => child.kill("SIGKILL"),
  };
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
