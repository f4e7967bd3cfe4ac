import assert from "node:assert/strict";
import { type Batch, createOutbox } from "../../lib/eventlog/outbox.ts";
import { unavailable } from "../../lib/redis/errors.ts";
import { testLog } from "../support/redis_log.ts";

/** An outbox on a Redis that is up or down, and takes or refuses what is sent, as told. */
function stage() {
  const state = {
    isUp: true,
    now: 0,
    error: undefined as unknown,
    held: undefined as Promise<void> | undefined,
  };
  const written: string[] = [], told: string[] = [], missed: (readonly string[])[] = [];
  const batches: Batch[] = [];
  const outbox = createOutbox({
    async write(batch) {
      batches.push(batch);
      await state.held;
      if (state.error !== undefined) throw state.error;
      written.push(batch.items.map(({ text }) => text).join() + (batch.isRetry ? " again" : ""));
      return batch.items.filter(({ sent }) => sent !== undefined).map(() => ["b"]);
    },
    prepare: () => state.error === undefined ? Promise.resolve() : Promise.reject(state.error),
    isUp: () => state.isUp,
    now: () => state.now,
    onMissed: (rooms) => missed.push(rooms),
    log: testLog(),
  });
  const add = (text: string, rooms?: string[]): void =>
    outbox.add({
      rooms: rooms ?? ["r"],
      header: ",[]",
      text,
      missedBy: rooms ?? ["r"],
      deliver: (place) => told.push(`${text} ${place ?? `at once, ${outbox.ahead} ahead`}`),
    });
  return { state, written, told, missed, batches, outbox, add };
}

/** Resolves when what was begun is done, also what waits for the next turn of the event loop. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setTimeout(resolve, 0));
}

Deno.test("what one turn sends goes out in one step, and is delivered where it was read, in the order of all", async () => {
  const { outbox, add, written, told, batches } = stage();
  add("a");
  add("b");
  await settled();
  add("c");
  await settled();
  assert.deepEqual([written, told], [["a,b", "c"], []]);
  assert.deepEqual(batches.map(({ number }) => number), [1, 3]);
  outbox.read(1, "5-0");
  outbox.read(3, "5-1");
  outbox.read(3, "5-2");
  assert.deepEqual(told, ["a 5-0.0", "b 5-0.1", "c 5-1.0"]);
});

Deno.test("a step is not waited for before the next", async () => {
  const { state, add, batches } = stage();
  const { promise, resolve } = Promise.withResolvers<void>();
  state.held = promise;
  for (const text of ["a", "b", "c"]) {
    add(text);
    await settled();
  }
  assert.equal(batches.length, 3);
  resolve();
  await settled();
});

Deno.test("while Redis is away events are delivered here at once, and sent in their order when it is back", async () => {
  const { state, outbox, add, written, told, missed } = stage();
  add("a");
  await settled();
  state.isUp = false;
  outbox.release();
  add("b");
  await settled();
  add("c");
  await settled();
  assert.deepEqual(told, ["a at once, 1 ahead", "b at once, 2 ahead", "c at once, 3 ahead"]);
  state.isUp = true;
  outbox.resend();
  add("d");
  await settled();
  assert.deepEqual(written, ["a", "b", "c", "d"]);
  outbox.read(1, "9-1");
  outbox.read(2, "9-2");
  assert.equal(outbox.ahead, 3);
  outbox.read(3, "9-3");
  assert.equal(outbox.ahead, 0);
  outbox.read(4, "9-4");
  assert.deepEqual(told.slice(3), ["d 9-4.0"]);
  assert.deepEqual(missed, []);
});

Deno.test("nothing overtakes what could not be sent; what may have arrived says so", async () => {
  const { state, outbox, add, written } = stage();
  state.error = unavailable();
  add("a");
  await settled();
  add("b");
  await settled();
  state.error = undefined;
  add("c");
  await settled();
  assert.deepEqual(written, []);
  outbox.tick();
  await settled();
  assert.deepEqual(written, ["a again", "b", "c"]);
  add("d");
  await settled();
  assert.deepEqual(written.slice(3), ["d"]);
});

Deno.test("what Redis refuses is given up, and those elsewhere who miss it are named", async () => {
  const { state, outbox, add, told, missed, written } = stage();
  state.error = new Error("WRONGTYPE");
  add("a", ["x"]);
  await settled();
  assert.deepEqual([told, missed], [["a at once, 1 ahead"], [["x"]]]);
  state.error = undefined;
  add("b");
  outbox.tick();
  await settled();
  assert.deepEqual(written, ["b"]);
});

Deno.test("nobody here waits long for a Redis that does not answer", async () => {
  const { state, outbox, add, told } = stage();
  add("a");
  await settled();
  state.now = 499;
  outbox.tick();
  assert.deepEqual(told, []);
  state.now = 501;
  outbox.tick();
  assert.deepEqual(told, ["a at once, 1 ahead"]);
});

Deno.test("a node that has been deaf for long keeps nothing for later, and is bounded before that", async () => {
  const { state, outbox, add, written, told, missed } = stage();
  state.isUp = false;
  for (let n = 0; n < 10_001; n++) add(`m${n}`);
  await settled();
  assert.equal(told.length, 10_001);
  assert.deepEqual(told.map((text) => Number(/\d+/.exec(text)![0])), [...Array(10_001).keys()]);
  assert.equal(missed.length, 1);
  outbox.setPatient(false);
  assert.equal(missed.length, 10_001);
  add("late");
  assert.equal(missed.length, 10_002);
  state.isUp = true;
  outbox.resend();
  await settled();
  assert.deepEqual(written, []);
  outbox.setPatient(true);
  add("next");
  await settled();
  assert.deepEqual(written, ["next"]);
});

Deno.test("while it is deaf a node still sends, and its own clients get it at once", async () => {
  const { outbox, add, written, told } = stage();
  outbox.setPatient(false);
  for (let n = 0; n < 10_001; n++) add("m");
  await settled();
  add("last");
  await settled();
  assert.equal(written.at(-1), "last");
  assert.equal(told.at(-1), "last at once, 10002 ahead");
});

Deno.test("who asks hears where it went, also when it could not be sent", async () => {
  const { state, outbox } = stage();
  const heard: unknown[] = [];
  const ask = (): void => outbox.add({ header: ",[]", text: "q", sent: (nodes) => heard.push(nodes) });
  outbox.add({ header: ",[]", text: "told" });
  ask();
  await settled();
  assert.deepEqual(heard, [["b"]]);
  state.error = new Error("WRONGTYPE");
  ask();
  await settled();
  assert.deepEqual(heard, [["b"], undefined]);
});

Deno.test("close() sends and delivers what waits", async () => {
  const { outbox, add, told, written } = stage();
  add("a");
  outbox.close();
  assert.deepEqual(told, ["a at once, 1 ahead"]);
  await settled();
  assert.deepEqual(written, ["a"]);
});
