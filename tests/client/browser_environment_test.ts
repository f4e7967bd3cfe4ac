/** The browser's events as the environment tells them. The browser itself is tested elsewhere; here it is its events. */
import assert from "node:assert/strict";
import { install } from "@sinonjs/fake-timers";
import { createBrowserEnvironment, type EnvironmentEvent } from "../../lib/client/mod.ts";

class FakeDocument extends EventTarget {
  visibilityState = "visible";
}

/** Runs `body` in a page. */
function inPage(
  body: (page: FakeDocument, told: EnvironmentEvent[], advance: (ms: number) => void) => void,
): void {
  const page = new FakeDocument();
  Object.defineProperty(globalThis, "document", { value: page, configurable: true });
  const clock = install({ toFake: ["Date"] });
  try {
    body(page, [], (ms) => clock.tick(ms));
  } finally {
    clock.uninstall();
    Reflect.deleteProperty(globalThis, "document");
  }
}

Deno.test("browser environment tells of network and page lifecycle until it is not watched any more", () => {
  inPage((page, told) => {
    const environment = createBrowserEnvironment();
    const stop = environment.watch((event) => told.push(event));
    const fire = (target: EventTarget, type: string, extra = {}) =>
      target.dispatchEvent(Object.assign(new Event(type), extra));
    fire(globalThis, "offline");
    fire(globalThis, "online");
    fire(globalThis, "pagehide");
    fire(globalThis, "pageshow", { persisted: false });
    fire(globalThis, "pageshow", { persisted: true });
    fire(page, "freeze");
    fire(page, "resume");
    page.visibilityState = "hidden";
    fire(page, "visibilitychange");
    page.visibilityState = "visible";
    fire(page, "visibilitychange");
    stop();
    fire(globalThis, "offline");
    assert.deepEqual(told, ["offline", "online", "suspend", "resume", "suspend", "resume", "visible"]);
    assert.equal(environment.online(), true);
  });
});

Deno.test("browser environment takes the user for active for a minute after input, on a visible page", () => {
  inPage((page, told, advance) => {
    const environment = createBrowserEnvironment();
    const stop = environment.watch((event) => told.push(event));
    assert.equal(environment.active(), true);
    advance(60_000);
    assert.equal(environment.active(), false);
    globalThis.dispatchEvent(new Event("keydown"));
    globalThis.dispatchEvent(new Event("pointermove"));
    assert.equal(environment.active(), true);
    assert.deepEqual(told, ["active"]);
    page.visibilityState = "hidden";
    assert.equal(environment.active(), false);
    stop();
  });
});
