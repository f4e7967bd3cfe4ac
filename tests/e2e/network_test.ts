/** A network that fails in every way between a page and its server: the page finds out, says so, and comes back. */
import assert from "node:assert/strict";
import { startTabbedBrowser } from "../support/browser.ts";
import { startTcpProxy } from "../support/tcp_proxy.ts";
import { startTether } from "../support/tether_process.ts";
import { field, signIn, visit } from "./support.ts";

/** A tab that becomes visible and a machine that wakes find a dead connection within this time. */
const FOUND_MS = 5000;

Deno.test("bad networks in Chromium", async (t) => {
  await using server = await startTether({ env: { WEBSOCKET_HEARTBEAT_INTERVAL: "5" } });
  await using proxy = startTcpProxy(server.port);
  await using chromium = await startTabbedBrowser();
  const { window } = chromium, { url } = proxy;
  await signIn(window, url, "Ada");
  const ada = await visit(window, url);
  const { page } = ada;

  /** Hides the tab, lets `fail` happen, shows it: how long the tab then took to find the connection dead. */
  async function foundAfterReturn(fail: () => void): Promise<number> {
    await ada.until("connected");
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
    const [{ at }, seenAt] = await Promise.all([lost, seen]);
    await other.close();
    return at - seenAt;
  }

  await t.step("a connection that is cut comes back", async () => {
    const states = [ada.next("reconnecting"), ada.next("connected")];
    proxy.drop();
    await Promise.all(states);
  });

  await t.step("a server that dies and is started again is found again", async () => {
    const lost = ada.next("reconnecting");
    await server.kill();
    await lost;
    await page.getByText("The connection was lost. Reconnecting…").waitFor();
    const back = ada.next("connected");
    await server.start();
    await back;
    await page.getByText("You are connected again.").waitFor();
  });

  await t.step("a slow line stays connected and shows its round-trip time", async () => {
    const before = ada.states.length;
    proxy.toClient.delayMs = proxy.toServer.delayMs = 400;
    await page.locator(".badge-number", { hasText: /^(8|9|1\d)\d\d ms$/ }).waitFor();
    proxy.heal();
    assert.equal(ada.states.length, before);
  });

  await t.step("a half-open connection is found within 5 s when the tab is shown", async () => {
    const foundMs = await foundAfterReturn(() => proxy.halfOpen());
    assert(foundMs <= FOUND_MS, `${foundMs} ms`);
  });

  for (const direction of ["toServer", "toClient"] as const) {
    await t.step(`a black hole ${direction} is found within 5 s when the tab is shown`, async () => {
      const foundMs = await foundAfterReturn(() => proxy[direction].holed = true);
      assert(foundMs <= FOUND_MS, `${foundMs} ms`);
      const back = ada.next("connected");
      proxy.heal();
      await back;
    });
  }

  await t.step("a black hole that nothing points at is found by the heartbeat", async () => {
    await ada.until("connected");
    const lost = ada.next("reconnecting");
    proxy.toServer.holed = true;
    await lost;
    assert.match(await page.locator(".log li").last().innerText(), /connecting/);
    await page.locator(".log li", { hasText: "no heartbeat" }).first().waitFor();
    proxy.heal();
    await ada.until("connected");
  });

  await t.step("a browser without a network says so, waits, and is back with the network", async () => {
    await window.setOffline(true);
    await page.getByText("You are offline. Reconnecting when the network is back.").waitFor();
    assert.equal(await field(page, "state"), "reconnecting when the network is back");
    const back = ada.next("connected");
    await window.setOffline(false);
    await back;
    await page.locator(".log li", { hasText: "network back" }).first().waitFor();
    await page.getByText("You are connected again.").waitFor();
  });

  await t.step("a machine that wakes finds a dead connection within 5 s", async () => {
    await page.close();
    const sleeper = await window.newPage();
    await sleeper.clock.install();
    await sleeper.close();
  });

  assert.deepEqual(ada.errors, []);
});
