/** What every RosterStore must do, run on each implementation: what is saved for sessions, and which models are used. */
import assert from "node:assert/strict";
import { ANNOUNCE_INTERVAL_MS, type RosterStore, USAGE_TTL_MS } from "../../lib/roster/store.ts";
import type { Case } from "../support/contract.ts";
import { end, entry, LEASE_MS, leave, put, tick } from "./records.ts";
import type { StoreFixture } from "./store_contract.ts";

/** How long every store under test keeps what is saved. */
export const SAVED_MS = 60_000;

/** The cases; each gets a store that is empty. */
export function savedCases(): Case<StoreFixture>[] {
  const cases: Case<StoreFixture>[] = [];
  function test(name: string, run: (store: RosterStore) => Promise<void>): void {
    cases.push({ name, run: ({ store }) => run(store) });
  }
  const saved = (value?: string) => ({ saved: { pid: "p", value } });

  test("keeps what is saved for a session until one caller takes it", async (store) => {
    await put(store, [entry("a", saved("one"))]);
    assert.equal(await store.readSaved("p"), "one");
    await put(store, [entry("a", saved())]);
    assert.equal(await store.readSaved("p"), "one");
    await put(store, [entry("a", saved("two ✓"))]);
    const taken = await Promise.all([store.takeSaved("p"), store.takeSaved("p"), store.readSaved("unknown")]);
    assert.deepEqual(taken.toSorted(), ["two ✓", undefined, undefined]);
  });

  test("keeps it after the session's end, the last value, unless told to forget", async (store) => {
    await put(store, [entry("a", saved("one"))]);
    await end(store, leave("a", saved("two")));
    assert.equal(await store.readSaved("p"), "two");
    await put(store, [entry("a", saved("three"))]);
    await end(store, leave("a", saved()));
    assert.equal(await store.readSaved("p"), "three");
    await put(store, [entry("a", saved())]);
    await end(store, leave("a", { saved: { pid: "p", forget: true } }));
    assert.equal(await store.readSaved("p"), undefined);
  });

  test("lets a node that has lost the session change nothing of it", async (store) => {
    const recovered = { node: "n2", connectedAt: 2000 };
    await put(store, [entry("a", saved("old"))]);
    await put(store, [entry("a", { ...recovered, ...saved("new") })]);
    await put(store, [entry("a", saved("older"))]);
    await end(store, leave("a", saved("oldest")));
    await end(store, leave("a", { saved: { pid: "p", forget: true } }));
    assert.equal(await store.readSaved("p"), "new");
  });

  return cases;
}

/** The cases; each gets a store that is empty. */
export function usageCases(): Case<StoreFixture>[] {
  const cases: Case<StoreFixture>[] = [];
  function test(name: string, run: (store: RosterStore, clock: { now: number }) => Promise<void>): void {
    cases.push({ name, run: ({ store, clock }) => run(store, clock) });
  }
  const report = async (store: RosterStore, name: string, models: string[]) =>
    (await tick(store, { name, models })).usage;

  test("adds up what the nodes use", async (store, clock) => {
    assert.deepEqual(await report(store, "n1", ["b", "a"]), { models: ["a", "b"], change: "announce" });
    clock.now += ANNOUNCE_INTERVAL_MS;
    assert.deepEqual(await report(store, "n2", ["b"]), { models: ["a", "b"], change: "none" });
    assert.deepEqual(await report(store, "n1", []), { models: ["b"], change: "announce" });
    assert.deepEqual(await report(store, "n2", ["b"]), { models: ["b"], change: "none" });
  });

  test("announces nothing while nothing is used", async (store) => {
    assert.deepEqual(await report(store, "n1", []), { models: [], change: "none" });
  });

  test("announces at most once a second, and then what is true", async (store, clock) => {
    await report(store, "n1", ["a"]);
    clock.now += ANNOUNCE_INTERVAL_MS - 1;
    assert.deepEqual(await report(store, "n2", ["c"]), { models: ["a", "c"], change: "soon" });
    clock.now += 1;
    assert.deepEqual(await report(store, "n1", ["a"]), { models: ["a", "c"], change: "announce" });
  });

  test("forgets what a node does not say again", async (store, clock) => {
    await report(store, "n1", ["a"]);
    clock.now += USAGE_TTL_MS - 1;
    assert.deepEqual((await report(store, "n2", [])).models, ["a"]);
    clock.now += 1;
    assert.deepEqual(await report(store, "n2", []), { models: [], change: "announce" });
  });

  test("lets one of many nodes announce a change of use", async (store) => {
    const nodes = Array.from({ length: 10 }, (_, index) => `n${index}`);
    const answers = await Promise.all(nodes.map((node) => report(store, node, ["a"])));
    assert.equal(answers.filter(({ change }) => change === "announce").length, 1);
  });

  test("takes any model's name, and any number", async (store) => {
    const models = [
      '"quoted"',
      "__proto__",
      "a|b\n",
      "ünï✓",
      ...Array.from({ length: 10_000 }, (_, n) => `m${n}`),
    ];
    assert.deepEqual(new Set((await report(store, "n1", models)).models), new Set(models));
  });

  return cases;
}

/** What is saved ends with its time; `read` waits as long as the store must be left alone. */
export async function savedEnds(store: RosterStore, wait: (ms: number) => Promise<void>): Promise<void> {
  await put(store, [entry("a", { saved: { pid: "p", value: "kept" } })]);
  await wait(LEASE_MS + SAVED_MS - 1);
  assert.equal(await store.readSaved("p"), "kept");
  await wait(1);
  assert.equal(await store.readSaved("p"), undefined);
}
