import assert from "node:assert/strict";
import FakeTimers from "@sinonjs/fake-timers";
import fc from "fast-check";
import { faultStore } from "./fault_store.ts";
import { type Heard, runFleet, type Step, truth } from "./presence_model.ts";

const START = 1_000_000;
/** How much later than the truth a change may be heard. */
const LATE_MS = 25;

const pick = fc.nat({ max: 20 });
const node = fc.nat({ max: 2 });
const active = fc.oneof({ weight: 3, arbitrary: fc.constant(true) }, fc.boolean());
const deed = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({ do: fc.constant("open" as const), user: fc.nat({ max: 2 }), node, active }),
  },
  { weight: 4, arbitrary: fc.record({ do: fc.constant("drop" as const), pick }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant("beat" as const), pick, active: fc.boolean() }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("recover" as const), pick, node, active }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("kill" as const), node }) },
);
// mostly shorter than the grace, sometimes longer than the lease
const waitMs = fc.oneof(
  { weight: 4, arbitrary: fc.integer({ min: 1, max: 40 }) },
  { weight: 1, arbitrary: fc.integer({ min: 40, max: 100 }) },
).map((tenths) => tenths * 100);
const schedule = fc.array(
  fc.tuple(waitMs, deed).map(([waitMs, deed]): Step => ({ waitMs, ...deed })),
  { minLength: 1, maxLength: 40 },
);

async function heardOf(steps: readonly Step[], latencyMs = 0): Promise<Heard[]> {
  const clock = FakeTimers.install({ now: START, toFake: ["Date", "setTimeout", "clearTimeout"] });
  try {
    const store = await faultStore();
    store.latencyMs = latencyMs;
    return await runFleet(steps, { store, clock });
  } finally {
    clock.uninstall();
  }
}

function ofUser(changes: readonly Heard[], user: string): Heard[] {
  return changes.filter((change) => change.user === user);
}

Deno.test("presence of a fleet is the truth under 130 random schedules of tabs, drops, kills and reloads", async () => {
  await fc.assert(
    fc.asyncProperty(schedule, fc.constantFrom(0, 3), async (steps, latencyMs) => {
      const heard = await heardOf(steps, latencyMs);
      const expected = truth(steps, START);
      assert.equal(heard.length, expected.length);
      for (const user of ["user-0", "user-1", "user-2"]) {
        const [was, is] = [ofUser(heard, user), ofUser(expected, user)];
        assert.deepEqual(was.map(({ status }) => status), is.map(({ status }) => status), user);
        for (const [index, { at }] of was.entries()) {
          const late = at - (is[index]?.at ?? 0);
          assert(
            late >= 0 && late <= LATE_MS + 8 * latencyMs,
            `${user}'s change ${index} came ${late} ms late`,
          );
        }
      }
    }),
    { numRuns: 130 },
  );
});

Deno.test("presence of three tabs on two nodes: closing two says nothing, closing the last says offline once", async () => {
  const heard = await heardOf([
    { waitMs: 100, do: "open", user: 0, node: 0, active: true },
    { waitMs: 100, do: "open", user: 0, node: 1, active: true },
    { waitMs: 100, do: "open", user: 0, node: 1, active: true },
    { waitMs: 100, do: "drop", pick: 0 },
    { waitMs: 20_000, do: "drop", pick: 0 },
    { waitMs: 20_000, do: "drop", pick: 0 },
  ]);
  assert.deepEqual(heard.map(({ status }) => status), ["online", "offline"]);
});
