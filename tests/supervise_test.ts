import assert from "node:assert/strict";
import { delay, supervise } from "../lib/supervise.ts";
import { testLog } from "./support/redis_log.ts";

Deno.test("supervise() goes on after 20 errors, logs and counts them", async () => {
  const log = testLog();
  const { promise: recovered, resolve } = Promise.withResolvers<void>();
  let runs = 0;
  let seen = 0;
  await using _loop = supervise("The loop", () => {
    if (++runs <= 20) throw new Error(`injected ${runs}`);
    resolve();
  }, { intervalMs: 0, log, onError: () => seen++ });
  await recovered;
  assert.equal(seen, 20);
  assert.equal(
    log.lines.filter(({ level, message }) => level === "error" && message.startsWith("The loop")).length,
    20,
  );
});

Deno.test("supervise() runs at once when it is woken", async () => {
  const { promise: ran, resolve } = Promise.withResolvers<void>();
  let runs = 0;
  const options = { intervalMs: 1e6, log: testLog() };
  await using loop = supervise("The loop", () => resolve(void runs++), options);
  assert.equal(runs, 0);
  loop.wake();
  await ran;
});

Deno.test("supervise() ends when it is disposed, and waits for the run under way", async () => {
  const started = Promise.withResolvers<void>();
  const release = Promise.withResolvers<void>();
  let ended = false;
  const loop = supervise("The loop", async () => {
    started.resolve();
    await release.promise;
    assert.ok(!ended);
    ended = true;
  }, { intervalMs: 0, log: testLog() });
  await started.promise;
  const disposed = loop[Symbol.asyncDispose]();
  release.resolve();
  await disposed;
  assert.ok(ended);
});

Deno.test("supervise() does not report an error that comes from ending", async () => {
  const log = testLog();
  const started = Promise.withResolvers<void>();
  const loop = supervise("The loop", async (signal) => {
    started.resolve();
    await delay(1e6, signal);
    signal.throwIfAborted();
  }, { intervalMs: 0, log });
  await started.promise;
  await loop[Symbol.asyncDispose]();
  assert.deepEqual(log.lines, []);
});
