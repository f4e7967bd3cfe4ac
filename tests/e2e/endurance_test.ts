/** A hundred reconnections in a row leave nothing behind: no timer, no socket, no memory. */
import assert from "node:assert/strict";
import type { Page } from "playwright-core";
import { BACK_MS, QUIET_MS } from "../../lib/web/components/connection_notice.ts";
import { startBrowser } from "../support/browser.ts";
import { startTether } from "../support/tether_process.ts";
import { sessions, signIn, visit } from "./support.ts";

/** What the heap may grow by: far less than a hundred of anything that matters. */
const GROWTH_BYTES = 500_000;
/** The heartbeat never sleeps longer, and nothing else sleeps so short. */
const HEARTBEAT_TICK_MS = 1250;
/** The default timeout of a request. */
const REQUEST_MS = 10_000;

interface SharedConnection {
  on(event: "connect", listener: () => void): () => void;
  reconnect(): void;
}

Deno.test("after 100 fast reconnects there are one heartbeat, one socket, and no more memory than before", async () => {
  await using server = await startTether();
  await using browser = await startBrowser();
  const context = await browser.newContext();
  await signIn(context, server.url, "Ada");

  const sockets = new Set<unknown>();
  const ada = await visit(context, server.url, async (page) => {
    page.on("websocket", (socket) => {
      sockets.add(socket);
      socket.on("close", () => sockets.delete(socket));
    });
    await page.addInitScript(countTimers);
  });
  const { page } = ada;

  await reconnect(page, 10);
  const before = { timers: await timers(page), ...await memory(page) };
  await reconnect(page, 100);
  const after = { timers: await timers(page), ...await memory(page) };

  assert.equal(after.timers.length, before.timers.length);
  assert.equal(after.timers.filter((ms) => ms <= HEARTBEAT_TICK_MS).length, 1, String(after.timers));
  assert.equal(sockets.size, 1);
  assert.equal(await sessions(server.url), 1);
  assert.equal(after.listeners, before.listeners);
  assert(after.heap - before.heap < GROWTH_BYTES, `the heap grew from ${before.heap} to ${after.heap} bytes`);
  assert.deepEqual(ada.errors, []);
});

/** Reconnects as soon as there is a session, `times` over. */
async function reconnect(page: Page, times: number): Promise<void> {
  await page.evaluate(async (times) => {
    const registry = (globalThis as Record<symbol, unknown>)[Symbol.for("tether.connections")];
    const [{ connection }] = [...(registry as Map<string, { connection: SharedConnection }>).values()] as [
      { connection: SharedConnection },
    ];
    for (let time = 0; time < times; time++) {
      const connected = Promise.withResolvers<void>();
      const stop = connection.on("connect", connected.resolve);
      connection.reconnect();
      await connected.promise;
      stop();
    }
  }, times);
}

/** Runs in the page before everything else: keeps the delay of every timeout that has neither fired nor been cleared. */
function countTimers(): void {
  const pending = new Map<unknown, number>();
  const { setTimeout, clearTimeout } = globalThis;
  Object.assign(globalThis, {
    pending,
    setTimeout(run: (...args: unknown[]) => void, ms = 0, ...args: unknown[]) {
      const id = setTimeout(() => {
        pending.delete(id);
        run(...args);
      }, ms);
      pending.set(id, ms);
      return id;
    },
    clearTimeout(id: Parameters<typeof clearTimeout>[0]) {
      pending.delete(id);
      clearTimeout(id);
    },
  });
}

/** The delays of the connection's pending timeouts, once no request is underway. */
async function timers(page: Page): Promise<number[]> {
  const delays = await page.waitForFunction(({ ofRequests, ofNotices }) => {
    const { pending } = globalThis as unknown as { pending: Map<unknown, number> };
    const delays = [...pending.values()];
    return !delays.includes(ofRequests) && delays.filter((ms) => !ofNotices.includes(ms));
  }, { ofRequests: REQUEST_MS, ofNotices: [QUIET_MS, BACK_MS] });
  return await delays.jsonValue() as number[];
}

/** Bytes on the heap and listeners in the document, once everything that can be collected is. */
async function memory(page: Page): Promise<{ heap: number; listeners: number }> {
  const cdp = await page.context().newCDPSession(page);
  await cdp.send("HeapProfiler.collectGarbage");
  await cdp.send("HeapProfiler.collectGarbage");
  const { usedSize } = await cdp.send("Runtime.getHeapUsage");
  const { jsEventListeners } = await cdp.send("Memory.getDOMCounters");
  await cdp.detach();
  return { heap: usedSize, listeners: jsEventListeners };
}
