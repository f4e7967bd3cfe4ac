/** Runs random schedules against a fleet, many at a time, under one weather. */
import assert from "node:assert/strict";
import type { SessionReady } from "../../lib/protocol/events.ts";
import { type Api, apiClient } from "../support/api.ts";
import { SERVICE_TOKEN, type TestFleet } from "../support/fleet.ts";
import { testToken } from "../support/tokens.ts";
import { until } from "../support/until.ts";
import { createTab, type Tab } from "./schedule_tab.ts";
import { disorderOf, faultsOf, type Life, missingOf, type Sent, UNDER_WAY_MS } from "./schedule_truth.ts";
import { type Batch, NODES, type Step, USERS, type Weather } from "./schedules.ts";

const MAX_TABS = 6, IN_A_ROW = 3;
const REQUEST_MS = 2_000, SETTLED_WITHIN_MS = 15_000;
// what a node that dies may not have passed on, and one whose Redis was cut still has to
const KILL_MS = 1_000, CUT_MS = 2_000;

/** What became of a batch. */
export interface Outcome {
  /** What went wrong, in words, with the schedule it happened in. */
  faults: string[];
  events: number;
  returns: number;
  recovered: number;
  /** Sessions that were told that they may be missing something. */
  degraded: number;
}

/** What has befallen the nodes. */
interface Sky {
  /** In words, with the time. */
  log: { at: number; text: string }[];
  kills: { node: number; at: number }[];
  cuts: { node: number; from: number; to: number }[];
}

const now = (): number => performance.now();
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Runs a batch to its end; the fleet is whole before and after. */
export async function runBatch(fleet: TestFleet, { seed, weather, schedules }: Batch): Promise<Outcome> {
  const sky: Sky = { log: [], kills: [], cuts: [] };
  const runs = await Promise.all(schedules.map((_, index) => startRun(fleet, sky, `s${seed}-${index}`)));
  try {
    for (const [round, now] of weather.entries()) {
      await Promise.all([
        befall(fleet, sky, now),
        ...runs.map((run, index) => run.round(schedules[index]![round]!)),
      ]);
      await until(
        async () => (await Promise.all(fleet.nodes.map((_, n) => isReady(fleet, n)))).every(Boolean),
        {
          what: "all nodes to be ready",
        },
      );
    }
    const faults = await Promise.all(runs.map((run) => run.finish()));
    const sum = (read: (run: Run) => number): number => runs.reduce((total, run) => total + read(run), 0);
    return {
      faults: faults.flat(),
      events: sum(({ events }) => events),
      returns: sum(({ returns }) => returns),
      recovered: sum(({ recovered }) => recovered),
      degraded: sum(({ degraded }) => degraded),
    };
  } finally {
    await Promise.all(runs.map((run) => run[Symbol.asyncDispose]()));
  }
}

async function isReady(fleet: TestFleet, node: number): Promise<boolean> {
  return (await fleet.readiness(node).catch(() => ({ ready: false }))).ready;
}

async function befall(fleet: TestFleet, { log, kills, cuts }: Sky, weather: Weather): Promise<void> {
  if (weather.kind === "calm") return;
  const { node } = weather, process = fleet.nodes[node]!, link = fleet.links[node]!;
  const note = (text: string): void => void log.push({ at: now(), text: `  node ${node} ${text}` });
  await pause(weather.afterMs);
  if (weather.kind === "kill") {
    kills.push({ node, at: now() });
    note("is killed");
    await process.kill();
    await process.start();
    note("is there again");
    return;
  }
  note(`loses Redis for ${weather.forMs} ms`);
  const cut = { node, from: now(), to: Infinity };
  cuts.push(cut);
  if (weather.forMs > 0) {
    link.toServer.holed = link.toClient.holed = true;
    await pause(weather.forMs);
    link.heal();
  }
  link.drop();
  cut.to = now();
}

interface Run extends AsyncDisposable {
  readonly events: number;
  readonly returns: number;
  readonly recovered: number;
  readonly degraded: number;
  round(steps: readonly Step[]): Promise<void>;
  /** Everybody comes back, and what was to be heard is compared with what was. */
  finish(): Promise<string[]>;
}

async function startRun(fleet: TestFleet, sky: Sky, name: string): Promise<Run> {
  const users = Array.from({ length: USERS }, (_, user) => `${name}-u${user}`);
  const tokens = await Promise.all(users.map((user) => testToken({ claims: { sub: user, name: user } })));
  const services = fleet.nodes.map(({ url }) => apiClient(url, SERVICE_TOKEN));
  const owners = fleet.nodes.map(({ url }) => apiClient(url, tokens[0]!));
  const ports = fleet.nodes.map(({ port }) => port);
  const tabs: Tab[] = [], sent: (Sent & { node: number })[] = [], log: { at: number; text: string }[] = [];
  const members = new Set([0]);
  const degraded = new Set<Life>();
  const startedAt = now();
  let nextId = 0, returns = 0, recovered = 0;
  let publishing: Promise<unknown> = Promise.resolve();
  const { body: { channel: { id: channelId } } } = await owners[0]!("POST /api/channels", { name });

  const note = (text: string): void => void log.push({ at: now(), text });
  const onlineTabs = (): Tab[] => tabs.filter(({ isOnline }) => isOnline);

  function onEvent(
    user: number,
    { life, event, payload }: { life: Life; event: string; payload: unknown },
  ): void {
    const at = now();
    if (event === "session:ready" && !(payload as SessionReady).recovered) {
      life.set(`user${user}`, "in", at);
      life.set("channel", "unsure", at);
    }
    if (event === "session:degraded" && (payload as { degraded: boolean }).degraded) degraded.add(life);
    const { channel_id, data } = payload as { channel_id?: string; data?: { type?: string; data?: unknown } };
    if (event === "events" && data?.type === "n") life.heard.push({ id: data.data as number, at });
    if (event !== "events:channel" || channel_id !== channelId) return;
    if (data?.type === "message") {
      life.heard.push({ id: Number((data.data as { content: string }).content), at });
    } else if (data?.type === "channel:joined") life.set("channel", "in", at);
    else if (data?.type === "channel:left") life.set("channel", "out", at);
  }

  async function open(user: number, node: number): Promise<void> {
    const tabName = `${name}-tab${tabs.length}`;
    const tab = createTab({
      name: tabName,
      user,
      token: tokens[user]!,
      ports,
      onEvent: (life, event, payload) => onEvent(user, { life, event, payload }),
    });
    tabs.push(tab);
    await comeBack(tab, node);
  }

  async function comeBack(tab: Tab, node: number): Promise<void> {
    const lives = tab.lives.length;
    for (;;) {
      const ready = await tab.connect(node);
      const { life } = tab;
      if (ready.degraded) degraded.add(life);
      note(`${life.name} is at node ${tab.node}${ready.recovered ? ", recovered" : ""}`);
      // what a recovered session is in is looked up before it is let in
      if (ready.recovered) break;
      const answer = await tab.client.ask("join-channels", {}).catch(() => ({ ok: false }));
      if (answer.ok) break;
      note(`${life.name} could not join its channels`);
    }
    tab.life.set("channel", members.has(tab.user) ? "in" : "out", now());
    if (lives === 0) return;
    returns++;
    if (tab.lives.length === lives) recovered++;
  }

  async function change(user: number, deed: "join" | "leave"): Promise<void> {
    if (members.has(user) === (deed === "join")) return;
    await publishing;
    const own = tabs.filter((tab) => tab.user === user);
    for (const { life, isOnline, offlineSince } of own) {
      const since = deed === "leave" && !isOnline ? Math.min(now(), offlineSince) : now();
      life.set("channel", "unsure", since - UNDER_WAY_MS);
    }
    const route = `${deed === "join" ? "POST" : "DELETE"} /api/channels/${channelId}/members/${users[user]}`;
    await insist(owners, route);
    if (deed === "join") members.add(user);
    else members.delete(user);
    note(`${users[user]} ${deed}s`);
    // who is away is out when the answer is there; who is not hears of it
    if (deed === "leave") {
      for (const { life, isOnline } of own) if (!isOnline) life.set("channel", "out", now());
    }
  }

  /** Sends, and notes what is known of it. */
  async function send(
    { sender, room, node }: { sender: string; room: string; node: number },
    deliver: (id: number) => Promise<boolean>,
  ): Promise<void> {
    const event = { id: nextId++, sender, room, node, startedAt: now(), doneAt: Infinity };
    const entry = { ...event, isCertain: false, isOrdered: false };
    sent.push(entry);
    entry.isCertain = await deliver(event.id).catch(() => false);
    entry.doneAt = now();
  }

  async function fromBackends(room: string, count = IN_A_ROW): Promise<void> {
    const to = room === "channel" ? { channelId } : { userIds: [users[Number(room.slice(4))]] };
    await Promise.all(services.map(async (service, node) => {
      for (let n = 0; n < count; n++) {
        await send({ sender: `backend${node}`, room, node }, async (id) => {
          const signal = AbortSignal.timeout(REQUEST_MS);
          const { status } = await service("POST /api/events", { to, data: { type: "n", data: id } }, {
            signal,
          });
          return status === 200;
        });
      }
    }));
  }

  async function fromClients(): Promise<void> {
    const senders = onlineTabs().filter(({ user }) => members.has(user));
    await Promise.all(senders.flatMap((tab) => {
      const { node, life, client: { socket } } = tab;
      // one right after the other, without waiting for answers
      return Array.from(
        { length: IN_A_ROW },
        () =>
          send({ sender: life.name, room: "channel", node }, async (id) => {
            const message = {
              channel_id: channelId,
              data: { type: "message", data: { content: String(id) } },
            };
            if (!socket.connected) return false;
            return (await socket.timeout(REQUEST_MS).emitWithAck("events:channel", message)).ok;
          }),
      );
    }));
  }

  async function run(step: Step): Promise<void> {
    const chosen = (from: Tab[]): Tab | undefined =>
      "pick" in step && from.length > 0 ? from[step.pick % from.length] : undefined;
    switch (step.do) {
      case "open":
        if (tabs.length < MAX_TABS) await open(step.user, step.node);
        return;
      case "move": {
        const tab = chosen(onlineTabs());
        if (tab) await comeBack(tab, step.node);
        return;
      }
      case "return": {
        const tab = chosen(tabs.filter(({ isOnline }) => !isOnline));
        if (tab) await comeBack(tab, step.node);
        return;
      }
      case "cut": {
        const tab = chosen(onlineTabs());
        note(`${tab?.life.name} is cut`);
        await tab?.cut();
        return;
      }
      case "blackHole": {
        const tab = chosen(onlineTabs());
        note(`${tab?.life.name} falls into a black hole`);
        tab?.blackHole();
        return;
      }
      case "join":
      case "leave":
        return await change(step.user, step.do);
      case "publish": {
        // while the next steps are done
        const room = step.room === "channel" ? "channel" : `user${step.user}`;
        const toChannel = step.from === "clients" && room === "channel";
        publishing = publishing.then(() => toChannel ? fromClients() : fromBackends(room));
      }
    }
  }

  function story(): string {
    const lines = [...log, ...sky.log].toSorted((a, b) => a.at - b.at);
    return lines.map(({ at, text }) => `    ${Math.round(at - startedAt)} ${text}`).join("\n");
  }

  function judge(): void {
    for (const event of sent) {
      const { node, startedAt, doneAt } = event;
      const died = sky.kills.some((kill) =>
        kill.node === node && kill.at >= startedAt && kill.at <= doneAt + KILL_MS
      );
      if (died) event.isCertain = false;
      event.isOrdered = !sky.cuts.some((cut) =>
        cut.node === node && cut.from <= doneAt + CUT_MS && cut.to >= startedAt - CUT_MS
      );
    }
    for (const life of degraded) life.mayMiss = true;
  }

  for (let user = 0; user < USERS; user++) await open(user, user % NODES);
  return {
    get events() {
      return sent.length;
    },
    get returns() {
      return returns;
    },
    get recovered() {
      return recovered;
    },
    get degraded() {
      return degraded.size;
    },
    async round(steps) {
      for (const step of steps) {
        await pause(step.afterMs);
        await run(step);
      }
      await publishing;
    },
    async finish() {
      for (const [index, tab] of tabs.entries()) if (!tab.isOnline) await comeBack(tab, index % NODES);
      // what is sent last comes last
      for (const room of ["channel", ...users.map((_, user) => `user${user}`)]) await fromBackends(room, 1);
      judge();
      const lives = tabs.flatMap(({ lives }) => lives);
      await until(() => Promise.resolve(lives.every((life) => missingOf(life, sent).length === 0)), {
        withinMs: SETTLED_WITHIN_MS,
      }).catch(() => {});
      const faults = [...lives.flatMap((life) => faultsOf(life, sent)), ...disorderOf(lives, sent)];
      return faults.length === 0 ? [] : [`${name}: ${faults.slice(0, 5).join("; ")}\n${story()}`];
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(tabs.map((tab) => tab[Symbol.asyncDispose]()));
    },
  };
}

/** Asks one node after another until one does it. */
async function insist(apis: readonly Api[], route: string): Promise<void> {
  let next = 0;
  await until(async () => {
    const signal = AbortSignal.timeout(REQUEST_MS);
    const answer = await apis[next++ % apis.length]!(route, undefined, { signal }).catch(() => undefined);
    if (answer !== undefined && answer.status >= 400 && answer.status < 500) {
      assert.fail(JSON.stringify(answer));
    }
    return answer !== undefined && answer.status < 300;
  }, { what: route });
}
