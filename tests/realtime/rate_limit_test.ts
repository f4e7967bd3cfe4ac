import assert from "node:assert/strict";
import { createTokenBucket } from "../../lib/realtime/rate_limit.ts";

Deno.test("createTokenBucket() lets a burst through, then says when the next unit is there", () => {
  let now = 0;
  const bucket = createTokenBucket({ perSecond: 10, burst: 2, now: () => now });
  assert.deepEqual([bucket.take(), bucket.take(), bucket.take()], [0, 0, 100]);
  now = 60;
  assert.equal(bucket.take(), 40);
  now = 100;
  assert.equal(bucket.take(), 0);
  assert.equal(bucket.take(), 100);
});

Deno.test("createTokenBucket() never saves up more than its burst", () => {
  let now = 0;
  const bucket = createTokenBucket({ perSecond: 10, burst: 2, now: () => now });
  now = 1_000_000;
  assert.deepEqual([bucket.take(), bucket.take(), bucket.take()], [0, 0, 100]);
});

Deno.test("createTokenBucket() takes nothing away when the clock is set back", () => {
  let now = 1000;
  const bucket = createTokenBucket({ perSecond: 1, burst: 1, now: () => now });
  now = 0;
  assert.equal(bucket.take(), 0);
});

Deno.test("createTokenBucket() without a limit always has a unit", () => {
  const bucket = createTokenBucket({ perSecond: 0 });
  for (let index = 0; index < 1000; index++) assert.equal(bucket.take(), 0);
});
