import assert from "node:assert/strict";
import { createOutbox, type Outbox } from "../../lib/eventlog/outbox.ts";
import { createSenders } from "../../lib/eventlog/senders.ts";
import { unavailable } from "../../lib/redis/errors.ts";
import { testLog } from "../support/redis_log.ts";

/** An outbox on a Redis that is up or down, and takes or refuses what is written, as told. */
function stage() {
  const state = { isUp: true, now: 0, error: undefined as unknown };
  const written: number[] = [], told: string[] = [], missed: string[] = [];
  const outbox = createOutbox({
    write(fields) {
      if (state.error !== undefined) return Promise.reject(state.error);
      written.push(Number(fields.at(-1)));
      return Promise.resolve();
    },
    isUp: () => state.isUp,
    now: () => state.now,
    onMissed: (reason) => missed.push(reason),
    log: testLog(),
  });
  const add = (name: string): void =>
    outbox.add(["name", name], {
      deliver: (position) => told.push(`${name} ${position ?? "at once"}`),
      heardLate: (position) => told.push(`${name} late ${position}`),
    });
  return { state, written, told, missed, outbox, add };
}

const settled = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 0));

Deno.test("a message is delivered where it was heard, in the order of all", async () => {
  const { outbox, add, written, told } = stage();
  add("a");
  add("b");
  await settled();
  assert.deepEqual([written, told], [[1, 2], []]);
  outbox.heard(1, "5-0");
  outbox.heard(2, "5-1");
  outbox.heard(2, "5-2");
  assert.deepEqual(told, ["a 5-0", "b 5-1"]);
});

Deno.test("while Redis is away messages are delivered here at once, and written in their order when it is back", async () => {
  const { state, outbox, add, written, told, missed } = stage();
  add("a");
  state.isUp = false;
  outbox.release();
  add("b");
  add("c");
  assert.deepEqual(told, ["a at once", "b at once", "c at once"]);
  state.isUp = true;
  outbox.resend();
  add("d");
  await settled();
  assert.deepEqual(written, [1, 2, 3, 4]);
  for (const seq of [1, 2, 3, 4]) outbox.heard(seq, `9-${seq}`);
  assert.deepEqual(told.slice(3), ["a late 9-1", "b late 9-2", "c late 9-3", "d 9-4"]);
  assert.deepEqual(missed, []);
});

Deno.test("a write that failed for a while is tried again; one that was refused is given up", async () => {
  const { state, outbox, add, written, told, missed } = stage();
  state.error = unavailable();
  add("a");
  await settled();
  state.error = undefined;
  outbox.tick();
  await settled();
  assert.deepEqual([written, told, missed], [[1], [], []]);
  state.error = new Error("WRONGTYPE");
  add("b");
  await settled();
  assert.deepEqual(told, ["b at once"]);
  assert.equal(missed.length, 1);
});

Deno.test("nobody here waits long for a Redis that does not answer", () => {
  const { state, outbox, add, told } = stage();
  add("a");
  state.now = 499;
  outbox.tick();
  assert.deepEqual(told, []);
  state.now = 501;
  outbox.tick();
  assert.deepEqual(told, ["a at once"]);
});

Deno.test("a node that has been deaf for long keeps nothing for later, and is bounded before that", async () => {
  const { state, outbox, add, written, told, missed } = stage();
  state.isUp = false;
  for (let n = 0; n < 10_001; n++) add(`m${n}`);
  assert.equal(told.length, 10_001);
  assert.equal(missed.length, 1);
  outbox.setPatient(false);
  add("late");
  assert.equal(missed.length, 2);
  state.isUp = true;
  outbox.resend();
  await settled();
  assert.deepEqual(written, []);
  outbox.setPatient(true);
  add("next");
  await settled();
  // the numbers tell the others that something is missing
  assert.deepEqual(written, [10_003]);
});

Deno.test("close() delivers what waits", () => {
  const { outbox, add, told }: { outbox: Outbox; add: (name: string) => void; told: string[] } = stage();
  add("a");
  outbox.close();
  assert.deepEqual(told, ["a at once"]);
});

Deno.test("senders: what comes twice is not new, what is skipped is missing, also before a probe", () => {
  let now = 0;
  const senders = createSenders(() => now);
  const hear = (seq: number, counts = true) => {
    const { isNew, missed } = senders.hear("n", { seq, counts });
    return [isNew, missed];
  };
  assert.deepEqual(hear(7), [true, 0]);
  assert.deepEqual(hear(8), [true, 0]);
  assert.deepEqual(hear(8), [false, 0]);
  assert.deepEqual(hear(5), [false, 0]);
  assert.deepEqual(hear(11), [true, 2]);
  assert.deepEqual(hear(11, false), [false, 0]);
  assert.deepEqual(hear(13, false), [true, 2]);
  assert.deepEqual(hear(14), [true, 0]);
  now = 5000;
  assert.deepEqual(senders.hear("other", { seq: 3, counts: false }), { isNew: false, missed: 0 });
  assert.deepEqual(senders.heardWithin(1000), ["other"]);
  now = 61_000;
  senders.forgetSilent();
  assert.deepEqual(senders.heardWithin(Infinity), ["other"]);
});
