import assert from "node:assert/strict";
import { createRateLimit } from "../../lib/socket/rate_limit.ts";

Deno.test("RateLimit lets a burst of one second through, then the rate", () => {
  let now = 0;
  const limit = createRateLimit({ perSecond: 100, now: () => now });
  const allowed = (attempts: number) =>
    Array.from({ length: attempts }, () => limit.take()).filter((ms) => !ms);
  assert.equal(allowed(150).length, 100);
  now += 500;
  assert.equal(allowed(150).length, 50);
  now += 60_000;
  assert.equal(allowed(150).length, 100);
});

Deno.test("RateLimit says how long to wait, and refused events do not lengthen it", () => {
  let now = 0;
  const limit = createRateLimit({ perSecond: 2, now: () => now });
  assert.deepEqual([limit.take(), limit.take(), limit.take(), limit.take()], [0, 0, 500, 500]);
  now += 499;
  assert.equal(limit.take(), 1);
  now += 1;
  assert.equal(limit.take(), 0);
});

Deno.test("RateLimit of 0 limits nothing", () => {
  const limit = createRateLimit({ perSecond: 0 });
  for (let event = 0; event < 10_000; event++) assert.equal(limit.take(), 0);
});
