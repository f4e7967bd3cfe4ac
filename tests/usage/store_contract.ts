/** What every UsageStore must do, run on each implementation. */
import assert from "node:assert/strict";
import type { Case } from "../support/contract.ts";
import { nodeId } from "../../lib/protocol/ids.ts";
import { ANNOUNCE_INTERVAL_MS, USAGE_TTL_MS, type UsageStore } from "../../lib/usage/store.ts";

/** A store under test, on a clock that the test moves. */
export interface UsageStoreFixture extends AsyncDisposable {
  store: UsageStore;
  advance(ms: number): void;
}

const N1 = nodeId("node-1");
const N2 = nodeId("node-2");

/** The cases; each gets a store that is empty. */
export function usageStoreContract(): Case<UsageStoreFixture>[] {
  const cases: Case<UsageStoreFixture>[] = [];
  function test(name: string, run: (fixture: UsageStoreFixture) => Promise<void>): void {
    cases.push({ name, run });
  }

  test("adds up what the nodes use", async ({ store, advance }) => {
    assert.deepEqual(await store.report(N1, ["b", "a"]), { models: ["a", "b"], change: "announce" });
    advance(ANNOUNCE_INTERVAL_MS);
    assert.deepEqual(await store.report(N2, ["b"]), { models: ["a", "b"], change: "none" });
    assert.deepEqual(await store.report(N1, []), { models: ["b"], change: "announce" });
    assert.deepEqual(await store.report(N2, ["b"]), { models: ["b"], change: "none" });
  });

  test("announces nothing while nothing is used", async ({ store }) => {
    assert.deepEqual(await store.report(N1, []), { models: [], change: "none" });
  });

  test("announces at most once a second, and then what is true", async ({ store, advance }) => {
    await store.report(N1, ["a"]);
    advance(ANNOUNCE_INTERVAL_MS - 1);
    assert.deepEqual(await store.report(N2, ["c"]), { models: ["a", "c"], change: "soon" });
    advance(1);
    assert.deepEqual(await store.report(N1, ["a"]), { models: ["a", "c"], change: "announce" });
  });

  test("forgets what a node does not say again", async ({ store, advance }) => {
    await store.report(N1, ["a"]);
    advance(USAGE_TTL_MS - 1);
    assert.deepEqual((await store.report(N2, [])).models, ["a"]);
    advance(1);
    assert.deepEqual(await store.report(N2, []), { models: [], change: "announce" });
  });

  test("lets one of many nodes announce a change", async ({ store }) => {
    const nodes = Array.from({ length: 10 }, (_, index) => nodeId(`n${index}`));
    const answers = await Promise.all(nodes.map((node) => store.report(node, ["a"])));
    assert.equal(answers.filter(({ change }) => change === "announce").length, 1);
  });

  test("takes any name", async ({ store }) => {
    const models = ['"quoted"', "__proto__", "a|b\n", "ünï✓"].sort();
    assert.deepEqual(new Set((await store.report(N1, models)).models), new Set(models));
  });

  return cases;
}
