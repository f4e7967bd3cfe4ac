import assert from "node:assert/strict";
import fc from "fast-check";
import { DueIndex } from "../lib/due_index.ts";

Deno.test("DueIndex answers as a list that is searched whole does", () => {
  const id = fc.constantFrom("a", "b", "c", "d", "e");
  const step = fc.oneof(
    fc.record({ do: fc.constant("set" as const), id, at: fc.integer({ min: -3000, max: 9000 }) }),
    fc.record({ do: fc.constant("delete" as const), id }),
  );
  fc.assert(fc.property(fc.array(step, { maxLength: 30 }), fc.integer({ max: 9000 }), (steps, now) => {
    const index = new DueIndex<string>();
    const all = new Map<string, number>();
    for (const step of steps) {
      if (step.do === "delete") assert.equal(index.delete(step.id), all.delete(step.id));
      else all.set(step.id, step.at), index.set(step.id, step.at);
      assert.equal(index.get(step.id), all.get(step.id));
    }
    const due = [...all].filter(([, at]) => at <= now).map(([id]) => id);
    assert.deepEqual(index.due(now, Infinity).toSorted(), due.toSorted());
    assert.equal(index.due(now, 2).length, Math.min(2, due.length));
    assert.equal(index.first(), all.size > 0 ? Math.min(...all.values()) : undefined);
    assert.equal(index.size, all.size);
  }));
});
