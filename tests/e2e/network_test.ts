/** A network that fails in every way between a page and its server: the page finds out, says so, and comes back. */
import assert from "node:assert/strict";
import type { BrowserContext } from "playwright-core";
import { startTabbedBrowser } from "../support/browser.ts";
import { startTcpProxy } from "../support/tcp_proxy.ts";
import { startTether, type TetherProcess } from "../support/tether_process.ts";
import { field, signIn, visit } from "./support.ts";

/** A tab that becomes visible and a machine that wakes find a dead connection within this time. */
const FOUND_MS = 5000;
/** Shorter than Socket.IO's own timeout, so that it cannot be what finds the connection dead. */
const SLEEP_MS = 20_000;

Deno.test("bad networks in Chromium", async (t) => {
  await using server = await startTether({ env: { WEBSOCKET_HEARTBEAT_INTERVAL: "5" } });
  await using proxy = startTcpProxy(server.port);
  await using chromium = await startTabbedBrowser();
  const { window } = chromium, { url } = proxy;
  await signIn(window, url, "Ada");
  const patient = await chromium.browser.newContext();
  await signIn(patient, url, "Grace");
  const ada = await visit(window, url);
  const { page } = ada;
  const byHeartbeat = findByHeartbeat(patient, server);

  /** Hides the tab, lets `fail` happen, and shows the tab, which must find the connection dead in time, and come back. */
  async function foundAfterReturn(fail: () => void): Promise<void> {
    const other = await window.newPage();
    await other.bringToFront();
    fail();
    const lost = ada.next("reconnecting");
    const seen = page.evaluate(() =>
      new Promise<number>((resolve) =>
        document.addEventListener("visibilitychange", () => resolve(Date.now()), { once: true })
      )
    );
    await page.bringToFront();
    const foundMs = (await lost).at - await seen;
    proxy.heal();
    assert(foundMs <= FOUND_MS, `${foundMs} ms`);
    await ada.until("connected");
    await other.close();
  }

  await t.step("a connection that is cut comes back", async () => {
    const states = [ada.next("reconnecting"), ada.next("connected")];
    proxy.drop();
    await Promise.all(states);
  });

  await t.step("a slow line stays connected and shows its round-trip time", async () => {
    const before = ada.states.length;
    proxy.toClient.delayMs = proxy.toServer.delayMs = 400;
    await page.locator(".badge-number", { hasText: /^(8|9|1\d)\d\d ms$/ }).waitFor();
    proxy.heal();
    assert.equal(ada.states.length, before);
  });

  await t.step("a half-open connection is found within 5 s when the tab is shown", async () => {
    await foundAfterReturn(() => proxy.halfOpen());
  });

  await t.step("a black hole towards the server is found within 5 s when the tab is shown", async () => {
    await foundAfterReturn(() => proxy.toServer.holed = true);
  });

  await t.step("a browser without a network says so, waits, and is back with the network", async () => {
    await window.setOffline(true);
    await page.getByText("You are offline. Reconnecting when the network is back.").waitFor();
    assert.equal(await field(page, "state"), "reconnecting when the network is back");
    const back = ada.next("connected");
    await window.setOffline(false);
    await back;
    await page.locator(".panel .log li", { hasText: "network back" }).first().waitFor();
    await page.getByText("You are connected again.").waitFor();
  });

  await t.step("a machine that wakes from sleep finds a dead connection within 5 s", async () => {
    const sleeper = await visit(window, url, async (page) => await page.clock.install());
    proxy.toClient.holed = true;
    const lost = sleeper.next("reconnecting");
    const asleep = await sleeper.page.evaluate(() => Date.now());
    // as when the lid is closed: the clock jumps, and each timer that was due fires once
    await sleeper.page.clock.fastForward(SLEEP_MS);
    const foundMs = (await lost).at - (asleep + SLEEP_MS);
    assert(foundMs <= FOUND_MS, `${foundMs} ms`);
    proxy.heal();
    await sleeper.until("connected");
    assert.deepEqual(sleeper.errors, []);
  });

  await t.step("a black hole that nothing points at is found by the heartbeat", () => byHeartbeat);
  assert.deepEqual(ada.errors, []);
});

/** On a line of its own, because it takes a heartbeat and its timeout. */
async function findByHeartbeat(window: BrowserContext, { port }: TetherProcess): Promise<void> {
  await using proxy = startTcpProxy(port);
  const { page, next } = await visit(window, proxy.url);
  const lost = next("reconnecting");
  proxy.toServer.holed = true;
  await lost;
  proxy.heal();
  await page.locator(".panel .log li", { hasText: "no heartbeat" }).first().waitFor();
  await page.close();
}
