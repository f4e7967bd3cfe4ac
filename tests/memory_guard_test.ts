import assert from "node:assert/strict";
import FakeTimers from "@sinonjs/fake-timers";
import { createLog } from "../lib/log.ts";
import { collectsFragments, createMemoryGuard, memoryLimit } from "../lib/memory_guard.ts";

Deno.test("createMemoryGuard() tells each level once, with a gap between its marks, and the last one for good", () => {
  const clock = FakeTimers.install({ toFake: ["setInterval", "clearInterval"] });
  try {
    const levels: string[] = [];
    let held = 0;
    using _guard = createMemoryGuard({
      limitBytes: 1000,
      onLevel: (level) => levels.push(level),
      log: createLog({ level: "silent", format: "json" }),
      held: () => held,
    });
    for (const bytes of [500, 749, 750, 720, 700, 699, 760, 899, 900, 100]) {
      held = bytes;
      clock.tick(100);
    }
    assert.deepEqual(levels, ["high", "calm", "high", "exhausted"]);
  } finally {
    clock.uninstall();
  }
});

Deno.test("memoryLimit() is what the container or the machine has", async () => {
  const limit = await memoryLimit();
  assert.ok(limit > 0 && limit <= Deno.systemMemoryInfo().total);
});

Deno.test("collectsFragments() knows the versions with the fault", () => {
  const versions = ["1.46.3", "2.8.0", "2.9.6", "2.9.7", "2.10.0", "3.0.0-rc.1"];
  assert.deepEqual(versions.map(collectsFragments), [true, true, true, false, false, false]);
});
