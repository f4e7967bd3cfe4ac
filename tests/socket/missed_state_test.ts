import assert from "node:assert/strict";
import { createRepair } from "../../lib/socket/missed_state.ts";
import { testLog } from "../support/redis_log.ts";

Deno.test("a repair that fails is tried again until it succeeds, and only then clients are told", async () => {
  let tries = 0;
  const told: boolean[] = [], healed = Promise.withResolvers<void>();
  const repair = createRepair({
    repair: () => ++tries < 3 ? Promise.reject(new Error("injected")) : Promise.resolve(),
    tell(degraded) {
      told.push(degraded);
      if (!degraded) healed.resolve();
    },
    ...{ log: testLog(), retryMs: 1 },
  });
  repair.change(true);
  assert.deepEqual(told, [true]);
  repair.change(false);
  await healed.promise;
  assert.deepEqual([tries, told], [3, [true, false]]);
});

Deno.test("a node that is deaf again during its repair does not say that it hears", async () => {
  const told: boolean[] = [], repairs = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  let next = 0;
  const repair = createRepair({
    repair: () => repairs[next++]!.promise,
    tell: (degraded) => told.push(degraded),
    log: testLog(),
  });
  repair.change(true);
  repair.change(false);
  repair.change(true);
  repairs[0]!.resolve();
  await repairs[0]!.promise;
  assert.deepEqual(told, [true, true]);
  repair.change(false);
  repair.close();
  repairs[1]!.resolve();
  await repairs[1]!.promise;
  assert.deepEqual(told, [true, true], "nor after the end");
});
