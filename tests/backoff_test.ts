/** The distribution of the back-off. */
import assert from "node:assert/strict";
import { createBackoff } from "../lib/backoff.ts";

Deno.test("backoff() doubles from one second to five when chance is even", () => {
  const backoff = createBackoff({ random: () => 0.5 });
  assert.deepEqual([1, 2, 3, 4, 5, 1000, 2000].map(backoff), [1000, 2000, 4000, 5000, 5000, 5000, 5000]);
});

Deno.test("backoff() spreads 10,000 delays evenly over ± 50 %", () => {
  const random = seeded(42);
  const backoff = createBackoff({ random });
  for (const [attempt, middle] of [[1, 1000], [2, 2000], [3, 4000], [9, 5000]] as const) {
    const delays = Array.from({ length: 10_000 }, () => backoff(attempt));
    const mean = delays.reduce((sum, delay) => sum + delay, 0) / delays.length;
    const deviation = Math.sqrt(delays.reduce((sum, delay) => sum + (delay - mean) ** 2, 0) / delays.length);
    assert(Math.min(...delays) >= middle * 0.5 && Math.max(...delays) <= middle * 1.5, "bounds");
    assert(Math.min(...delays) < middle * 0.51 && Math.max(...delays) > middle * 1.49, "reaches both ends");
    assert(Math.abs(mean - middle) < middle * 0.015, `mean ${mean}`);
    // a uniform distribution of width w deviates by w / √12
    assert(Math.abs(deviation - middle / Math.sqrt(12)) < middle * 0.01, `deviation ${deviation}`);
    const tenths = new Array<number>(10).fill(0);
    for (const delay of delays) tenths[Math.min(9, Math.floor((delay / middle - 0.5) * 10))]!++;
    assert(tenths.every((count) => count > 850 && count < 1150), `tenths ${tenths}`);
  }
});

Deno.test("createBackoff() refuses options out of range", () => {
  for (const bad of [{ baseMs: -1 }, { maxMs: 1 }, { factor: 0.5 }, { jitter: 2 }, { jitter: NaN }]) {
    assert.throws(() => createBackoff(bad), RangeError);
  }
});

/** Mulberry32, so that the test sees the same chance every time. */
function seeded(seed: number): () => number {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let mixed = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
