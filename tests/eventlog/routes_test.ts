import assert from "node:assert/strict";
import { createRoutes } from "../../lib/eventlog/routes.ts";

function stage() {
  const state = { now: 0, error: undefined as Error | undefined };
  const written: string[] = [], late: string[] = [];
  const routes = createRoutes({
    write(rooms, { marks }) {
      if (state.error !== undefined) return Promise.reject(state.error);
      written.push(`${rooms.join()}${marks ? " marked" : ""}`);
      return Promise.resolve(marks ? "7-0" : null);
    },
    onLate: (rooms) => late.push(...rooms),
    graceMs: 1000,
    now: () => state.now,
  });
  return { state, written, late, routes };
}

Deno.test("routes: the fleet is told of a room once, of all rooms of one turn in one step", async () => {
  const { routes, written } = stage();
  const holding = routes.hold(["a", "b"]), again = routes.hold(["a", "c"]);
  assert.ok(holding !== undefined && again !== undefined);
  await Promise.all([holding, again]);
  assert.deepEqual(written, ["a,b,c"]);
  assert.equal(routes.hold(["a", "c"]), undefined);
});

Deno.test("routes: a room is held for a while after its last member left, and goes unless one comes back", async () => {
  const { routes, state } = stage();
  await routes.hold(["a", "b"]);
  routes.leave("a");
  routes.leave("b");
  routes.leave("unknown");
  state.now = 999;
  assert.deepEqual(routes.due().gone, []);
  assert.equal(routes.hold(["b"]), undefined);
  state.now = 1000;
  assert.deepEqual(routes.due(), { gone: ["a"], kept: ["b"] });
  assert.deepEqual([routes.has("a"), routes.has("b")], [false, true]);
  assert.ok(routes.hold(["a"]) !== undefined, "it has to be told again");
});

Deno.test("routes: what the fleet could not be told is told later, and at once when somebody joins", async () => {
  const { routes, state, written, late } = stage();
  state.error = new Error("away");
  await routes.hold(["a", "b", "c"]);
  await assert.rejects(routes.restore());
  await assert.rejects(routes.mark(["d"]));
  state.error = undefined;
  assert.deepEqual(late, []);
  await routes.hold(["a"]);
  assert.deepEqual([written, late], [["a"], ["a"]]);
  const due = routes.due();
  assert.deepEqual(due.kept.slice(0, 3), ["b", "c", "d"]);
  routes.settle(due, true);
  assert.deepEqual(late, ["a", "b", "c", "d"]);
  assert.equal(routes.hold(["a", "b", "c", "d"]), undefined);
});

Deno.test("routes: what is gone and was not told is held a while longer", async () => {
  const { routes, state } = stage();
  await routes.hold(["a"]);
  routes.leave("a");
  state.now = 1000;
  const due = routes.due();
  assert.deepEqual(due.gone, ["a"]);
  routes.settle(due, false);
  assert.ok(routes.has("a"));
  state.now = 2000;
  assert.deepEqual(routes.due().gone, ["a"]);
});

Deno.test("routes: a mark comes after all rooms, however many; every room is renewed in turn", async () => {
  const { routes, written } = stage();
  const rooms = Array.from({ length: 1200 }, (_, n) => `r${n}`);
  assert.equal(await routes.mark(rooms), "7-0");
  assert.deepEqual(written.map((text) => text.endsWith(" marked")), [false, false, true]);
  const renewed = Array.from({ length: 600 }, () => routes.due().kept).flat();
  assert.deepEqual(renewed.toSorted(), rooms.toSorted());
});
