/** A hundred reconnections in a row leave nothing behind: no timer, no socket, no memory. */
import assert from "node:assert/strict";
import type { Page } from "playwright-core";
import { startBrowser } from "../support/browser.ts";
import { startTether } from "../support/tether_process.ts";
import { sessions, signIn, visit } from "./support.ts";

/** What the heap may grow by: far less than a hundred of anything that matters. */
const GROWTH_BYTES = 500_000;

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
  const beats = page.locator(".badge-number", { hasText: "ms" });

  await beats.waitFor();
  await reconnect(page, 20);
  await beats.waitFor();
  const before = { timers: await timers(page), heap: await heapSize(page) };
  await reconnect(page, 100);
  await beats.waitFor();
  const after = { timers: await timers(page), heap: await heapSize(page) };

  assert.deepEqual(after.timers, before.timers);
  assert.equal(after.timers.filter((ms) => ms === 1250).length, 1, "the heartbeat wakes every 1,250 ms");
  assert.equal(sockets.size, 1);
  assert.equal(await sessions(server.url), 1);
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
  const pending = new Map<number, number>();
  const { setTimeout, clearTimeout } = globalThis;
  Object.assign(globalThis, {
    pending,
    setTimeout(run: (...args: unknown[]) => void, ms = 0, ...args: unknown[]): number {
      const id = setTimeout(() => {
        pending.delete(id);
        run(...args);
      }, ms);
      pending.set(id, ms);
      return id;
    },
    clearTimeout(id: number): void {
      pending.delete(id);
      clearTimeout(id);
    },
  });
}

/** The delays of all pending timeouts, sorted. */
async function timers(page: Page): Promise<number[]> {
  return await page.evaluate(() =>
    [...(globalThis as unknown as { pending: Map<number, number> }).pending.values()].sort((a, b) => a - b)
  );
}

/** Bytes in use once everything that can be collected is. */
async function heapSize(page: Page): Promise<number> {
  const cdp = await page.context().newCDPSession(page);
  await cdp.send("HeapProfiler.collectGarbage");
  await cdp.send("HeapProfiler.collectGarbage");
  const { usedSize } = await cdp.send("Runtime.getHeapUsage");
  await cdp.detach();
  return usedSize;
}
