/** What watchers hear of people whose tabs open, close, reload and go away on three real nodes, one of which dies. */
import assert from "node:assert/strict";
import fc from "fast-check";
import type { Presence, PresenceStatus } from "../../lib/protocol/events.ts";
import { startFleet, type TestFleet } from "../support/fleet.ts";
import { connect, type ForeignClient } from "../support/foreign_client.ts";
import { type Person, person } from "../support/people.ts";

const SCHEDULES = 20;
const KILLED = 2;

const pick = fc.nat({ max: 20 });
const node = fc.nat({ max: KILLED });
const step = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant("open" as const), node }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("close" as const), pick, abrupt: fc.boolean() }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("beat" as const), pick, active: fc.boolean() }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("reload" as const), pick, node }) },
);
type Step = typeof step extends fc.Arbitrary<infer Value> ? Value : never;

interface Tab {
  client: ForeignClient;
  node: number;
  active: boolean;
}

/** A watcher of everybody, and what it heard of each user, in order. */
interface Watcher {
  person: Person;
  heard: Map<string, PresenceStatus[]>;
  /** Resolves when `count` changes of the user were heard. */
  reaches(user: string, count: number): Promise<void>;
}

async function watch(url: string, name: string, auth?: object): Promise<Watcher> {
  const watcher = await person(url, name, { auth });
  const heard = new Map<string, PresenceStatus[]>();
  const waiting = new Set<() => void>();
  const hear = (users: Presence[]): void => {
    for (const { id, status } of users) heard.set(id, [...heard.get(id) ?? [], status]);
    for (const check of waiting) check();
  };
  watcher.client.socket.on("presence:change", (user: Presence) => hear([user]));
  watcher.client.socket.on("presence:changes", ({ users }: { users: Presence[] }) => hear(users));
  await watcher.client.ask("presence:list", {});
  return {
    person: watcher,
    heard,
    reaches(user, count) {
      return new Promise((resolve) => {
        const check = (): void => {
          if ((heard.get(user)?.length ?? 0) < count) return;
          waiting.delete(check);
          resolve();
        };
        waiting.add(check);
        check();
      });
    },
  };
}

/** A user's tabs, and the changes that must be heard of them. */
class Life {
  readonly tabs: Tab[] = [];
  readonly truth: PresenceStatus[] = [];
  readonly #fleet: TestFleet;
  readonly #watchers: readonly Watcher[];

  constructor(readonly user: string, fleet: TestFleet, watchers: readonly Watcher[]) {
    this.#fleet = fleet;
    this.#watchers = watchers;
  }

  async run(steps: readonly Step[]): Promise<void> {
    for (const step of steps) {
      await this.#do(step);
      await this.settle();
    }
  }

  async #do(step: Step): Promise<void> {
    if (step.do === "open") return await this.#open(step.node);
    if (this.tabs.length === 0) return;
    const index = step.pick % this.tabs.length;
    const tab = this.tabs[index]!;
    switch (step.do) {
      case "beat":
        tab.active = step.active;
        await tab.client.ask("heartbeat", { active: step.active });
        return;
      case "close":
        this.tabs.splice(index, 1);
        if (step.abrupt) tab.client.socket.io.engine.close();
        await tab.client[Symbol.asyncDispose]();
        return;
      case "reload":
        this.tabs.splice(index, 1);
        await tab.client[Symbol.asyncDispose]();
        await this.#open(step.node);
    }
  }

  async #open(node: number): Promise<void> {
    const client = await this.#fleet.client(node, this.user);
    await connect(client);
    this.tabs.push({ client, node, active: true });
  }

  /** Waits until every watcher has heard what the tabs now add up to, if that is a change. */
  async settle(): Promise<void> {
    const status = this.tabs.some(({ active }) => active)
      ? "online"
      : this.tabs.length > 0
      ? "away"
      : "offline";
    if (status !== (this.truth.at(-1) ?? "offline")) this.truth.push(status);
    await Promise.all(this.#watchers.map((watcher) => watcher.reaches(this.user, this.truth.length)));
  }
}

Deno.test(`presence of a real fleet is the truth under ${SCHEDULES} random schedules and the death of a node`, async () => {
  await using fleet = await startFleet({ env: { PRESENCE_GRACE_S: "1" } });
  // one that knows the contract, and a stock client
  const watchers = await Promise.all(
    [{ protocol: 1 }, {}].map((auth, node) => watch(fleet.nodes[node]!.url, `watcher-${node}`, auth)),
  );
  const schedules = fc.sample(fc.array(step, { minLength: 6, maxLength: 12 }), {
    numRuns: SCHEDULES,
    seed: 11,
  });
  const lives = schedules.map((_, index) => new Life(`user-${index}`, fleet, watchers));
  try {
    await Promise.all(lives.map((life, index) => life.run(schedules[index]!)));
    // one who was nowhere else: with the last word on this user the node's sessions are known to be gone
    const last = new Life("user-last", fleet, watchers);
    lives.push(last);
    await last.run([{ do: "open", node: KILLED }]);

    // a crash is told of within the lease: once, and only of those who were nowhere else
    await fleet.nodes[KILLED]!.kill();
    for (const life of lives) {
      const lost = life.tabs.filter((tab) => tab.node === KILLED);
      for (const tab of lost) life.tabs.splice(life.tabs.indexOf(tab), 1);
      await Promise.all(lost.map(({ client }) => client[Symbol.asyncDispose]()));
    }
    await Promise.all(lives.map((life) => life.settle()));

    // everybody goes: what nobody should have heard would stand between
    await Promise.all(lives.map(async (life) => {
      while (life.tabs.length > 0) {
        await life.tabs.pop()!.client[Symbol.asyncDispose]();
        await life.settle();
      }
    }));
    for (const { user, truth } of lives) {
      for (const { heard } of watchers) assert.deepEqual(heard.get(user) ?? [], truth, user);
    }
  } finally {
    await Promise.all(lives.flatMap(({ tabs }) => tabs.map(({ client }) => client[Symbol.asyncDispose]())));
    await Promise.all(watchers.map(({ person }) => person[Symbol.asyncDispose]()));
  }
});
