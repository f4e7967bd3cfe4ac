import assert from "node:assert/strict";
import type { SessionId } from "../../lib/protocol/ids.ts";
import { createMemoryRosterStore } from "../../lib/roster/memory_store.ts";
import { pageOfSessions } from "../../lib/roster/page.ts";
import type { RosterStore } from "../../lib/roster/store.ts";
import { entry, put } from "./records.ts";

async function storeOf(sids: string[]): Promise<RosterStore> {
  const store = await createMemoryRosterStore({ savedMs: 1 });
  await put(store, sids.map((sid) => entry(sid, { leaseMs: 60_000 })));
  return store;
}

async function readAll(store: RosterStore, limit: number): Promise<SessionId[][]> {
  const pages: SessionId[][] = [];
  let after: SessionId | undefined;
  do {
    const { sessions, next } = await pageOfSessions(store, { limit, ...(after !== undefined && { after }) });
    pages.push(sessions.map(({ sid }) => sid));
    after = next ?? undefined;
  } while (after !== undefined);
  return pages;
}

Deno.test("pageOfSessions() gives every session once, in order, whatever the size of a page", async () => {
  // in no order: 7 and 1009 have no common divisor
  const sids = Array.from({ length: 1009 }, (_, n) => `s${String(n * 7 % 1009).padStart(4, "0")}`);
  const store = await storeOf(sids);
  for (const limit of [10, 100, 1008, 1009, 2000]) {
    const pages = await readAll(store, limit);
    assert.deepEqual(pages.flat(), sids.toSorted());
    assert.equal(pages.length, Math.ceil(sids.length / limit));
  }
  for (const limit of [1, 2, 3]) {
    assert.deepEqual(
      (await readAll(await storeOf(["c", "a", "e", "b", "d"]), limit)).flat().join(""),
      "abcde",
    );
  }
});

Deno.test("pageOfSessions() gives a session once that the store gives twice", async () => {
  const store = await storeOf(["a", "b", "c"]);
  const entries = store.entries.bind(store);
  store.entries = async function* () {
    yield* entries();
    yield* entries();
  };
  const { sessions, next, total } = await pageOfSessions(store, { limit: 3 });
  assert.deepEqual([sessions.map(({ sid }) => sid), next, total], [["a", "b", "c"], null, 3]);
});

Deno.test("pageOfSessions() of nothing is one empty page", async () => {
  const store = await storeOf([]);
  assert.deepEqual(await pageOfSessions(store, { limit: 10 }), { sessions: [], next: null, total: 0 });
});
