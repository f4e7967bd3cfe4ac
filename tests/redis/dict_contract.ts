/** What every dictionary does; the memory one and the shared one run the same suite. */
import assert from "node:assert/strict";
import type { Dict } from "../../lib/redis/dict.ts";

interface Value {
  n: number;
  tags?: string[];
}

/** Registers the suite; `create` makes an empty dictionary. */
export async function dictContract(t: Deno.TestContext, create: () => Dict<Value>): Promise<void> {
  await t.step("get() answers undefined for what is not there", async () => {
    const dict = create();
    assert.equal(await dict.get("a"), undefined);
    assert.equal(await dict.has("a"), false);
    assert.equal(await dict.size(), 0);
  });

  await t.step("set() stores, overwrites and keeps odd keys apart", async () => {
    const dict = create();
    for (const key of ["a", "", " ", "{a}", "a:b", "ä\n😀"]) await dict.set(key, { n: key.length });
    await dict.set("a", { n: 9, tags: ["x"] });
    assert.deepEqual(await dict.get("a"), { n: 9, tags: ["x"] });
    assert.deepEqual(await dict.get("ä\n😀"), { n: 4 });
    assert.equal(await dict.size(), 6);
  });

  await t.step("what is read is a copy", async () => {
    const dict = create();
    const value = { n: 1, tags: ["x"] };
    await dict.set("a", value);
    value.tags.push("y");
    (await dict.get("a"))!.n = 2;
    assert.deepEqual(await dict.get("a"), { n: 1, tags: ["x"] });
  });

  await t.step("delete() tells whether there was something", async () => {
    const dict = create();
    await dict.set("a", { n: 1 });
    assert.equal(await dict.delete("a"), true);
    assert.equal(await dict.delete("a"), false);
    assert.equal(await dict.get("a"), undefined);
  });

  await t.step("update() sets many, and the last of a key wins", async () => {
    const dict = create();
    await dict.set("old", { n: 0 });
    await dict.update([["a", { n: 1 }], ["b", { n: 2 }], ["a", { n: 3 }]]);
    assert.deepEqual(await dict.get("a"), { n: 3 });
    assert.equal(await dict.size(), 3);
    await dict.update([]);
  });

  await t.step("keys(), values() and entries() give all of a large dictionary", async () => {
    const dict = create();
    const all = Array.from({ length: 3000 }, (_, n) => [`key ${n}`, { n }] as const);
    await dict.update(all);
    assert.deepEqual(new Map(await Array.fromAsync(dict.entries())), new Map(all));
    assert.equal(new Set(await Array.fromAsync(dict.keys())).size, 3000);
    assert.equal(new Set((await Array.fromAsync(dict.values())).map(({ n }) => n)).size, 3000);
  });

  await t.step("setDefault() sets only what is missing, and one of many callers wins", async () => {
    const dict = create();
    const answers = await Promise.all([1, 2, 3].map((n) => dict.setDefault("a", { n })));
    assert.equal(new Set(answers.map(({ n }) => n)).size, 1);
    assert.deepEqual(await dict.get("a"), answers[0]);
  });

  await t.step("replaceAll() is all or nothing for a reader", async () => {
    const dict = create();
    const generation = (n: number) => Array.from({ length: 1200 }, (_, i) => [`k${i}`, { n }] as const);
    await dict.replaceAll(generation(0));
    let done = false;
    const reading = (async () => {
      while (!done) assert.equal(await dict.size(), 1200);
    })();
    for (let n = 1; n <= 5; n++) await dict.replaceAll(generation(n));
    done = true;
    await reading;
    assert.deepEqual(await dict.get("k0"), { n: 5 });
    await dict.replaceAll([["only", { n: 1 }]]);
    assert.deepEqual(await Array.fromAsync(dict.entries()), [["only", { n: 1 }]]);
    await dict.replaceAll([]);
    assert.equal(await dict.size(), 0);
  });

  await t.step("clear() leaves nothing", async () => {
    const dict = create();
    await dict.update([["a", { n: 1 }], ["b", { n: 2 }]]);
    await dict.clear();
    assert.equal(await dict.size(), 0);
  });
}
