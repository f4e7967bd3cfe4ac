/**
 * What neighbours notice of a session that floods: the time to a heartbeat's answer, p50 and p99, without it, with it,
 * and with the same flood into another server, which shows what the machine's own load does.
 * Run: `deno run -A bench/flood.ts [events a second]`.
 */
import { type Person, person } from "../tests/support/people.ts";
import { startTether, TEST_SECRET } from "../tests/support/tether_process.ts";

const NEIGHBOURS = 20, PERIOD_MS = 25, SECONDS = 5;
const TURN_MS = 5;

if (Deno.args[0] === "--flood") await flood(Deno.args[1]!, Number(Deno.args[2]));
else await measure(Number(Deno.args[0] ?? 10_000));

/** Sends `perSecond` messages to `general` until it is killed or put out. */
async function flood(url: string, perSecond: number): Promise<void> {
  const flooder = await person(url, "flooder");
  const data = { type: "message", data: { content: "x".repeat(100) } };
  let sent = 0, ended = "";
  flooder.client.socket.on("disconnect", (reason) => ended = reason);
  const start = performance.now();
  while (ended === "") {
    const due = Math.floor((performance.now() - start) * perSecond / 1000);
    for (; sent < due; sent++) flooder.client.socket.emit("events:channel", { channel_id: "general", data });
    flooder.client.socket.sendBuffer = [];
    await new Promise((resolve) => setTimeout(resolve, TURN_MS));
  }
  console.log(
    `the flooder was put out after ${sent} events and ${Math.round(performance.now() - start)} ms: ${ended}`,
  );
}

async function measure(perSecond: number): Promise<void> {
  const env = { JWT_SECRET: TEST_SECRET };
  await using server = await startTether({ env });
  await using other = await startTether({ env });
  const people = await Promise.all(
    Array.from({ length: NEIGHBOURS }, (_, index) => person(server.url, `n${index}`)),
  );
  await using witness = await person(other.url, "witness");
  await latencies(people, 1);
  report("calm", await latencies(people, SECONDS));
  for (
    const [what, url, first] of [
      ["elsewhere", other.url, witness],
      ["here", server.url, people[0]!],
    ] as const
  ) {
    const begins = first.client.next("events:channel");
    const child = new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", import.meta.filename!, "--flood", url, String(perSecond)],
    }).spawn();
    await begins;
    report(`flood of ${perSecond}/s ${what}`, await latencies(people, SECONDS));
    try {
      child.kill("SIGKILL");
    } catch (error) {
      // it was put out, and has ended
      if (!(error instanceof TypeError)) throw error;
    }
    await child.status;
  }
  await Promise.all(people.map((one) => one[Symbol.asyncDispose]()));
}

/** The times from heartbeat to answer, in milliseconds, sorted. */
async function latencies(people: readonly Person[], seconds: number): Promise<number[]> {
  const times: number[] = [];
  const until = performance.now() + seconds * 1000;
  await Promise.all(people.map(async ({ client }, index) => {
    // not all at once
    await new Promise((resolve) => setTimeout(resolve, index * PERIOD_MS / people.length));
    while (performance.now() < until) {
      const start = performance.now();
      await client.ask("heartbeat", {});
      times.push(performance.now() - start);
      await new Promise((resolve) => setTimeout(resolve, PERIOD_MS));
    }
  }));
  return times.sort((a, b) => a - b);
}

function report(what: string, times: readonly number[]): void {
  const at = (share: number): string => times[Math.floor((times.length - 1) * share)]!.toFixed(2);
  console.log(`${what}: p50 ${at(0.5)} ms, p99 ${at(0.99)} ms (${times.length} heartbeats)`);
}
