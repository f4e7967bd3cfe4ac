/** Pages that are frozen, left, or opened twice: each ends its session cleanly and comes back, as others see it. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import type { Page } from "playwright-core";
import { startTabbedBrowser } from "../support/browser.ts";
import { startTcpProxy } from "../support/tcp_proxy.ts";
import { startTether } from "../support/tether_process.ts";
import { sees, sessions, signIn, visit } from "./support.ts";

Deno.test("page lifecycle in Chromium", async (t) => {
  await using server = await startTether({ env: { PRESENCE_GRACE_S: "0.2" } });
  await using chromium = await startTabbedBrowser();
  const { url } = server, { window } = chromium;
  await signIn(window, url, "Ada");

  const watching = await chromium.browser.newContext();
  await signIn(watching, url, "Grace");
  const { page: grace } = await visit(watching, url);

  await t.step("two islands on one page share one connection", async () => {
    const ada = await visit(window, url);
    await sees(ada.page, "Grace", "online");
    assert.equal(await sessions(url), 2, "Grace's and this one");
    await ada.page.close();
    await sees(grace, "Ada", "offline");
  });

  await t.step("two tabs are two sessions of one user, online until the last one closes", async () => {
    const first = await visit(window, url), second = await visit(window, url);
    assert.equal(await sessions(url), 3);
    await sees(grace, "Ada", "online");
    const changes = await watchPerson(grace, "Ada");
    await first.page.close();
    // when Linus, who comes later, is known to be gone, the time to tell of Ada is over too
    const passing = await chromium.browser.newContext();
    await signIn(passing, url, "Linus");
    await visit(passing, url);
    await sees(grace, "Linus", "online");
    await passing.close();
    await sees(grace, "Linus", "offline");
    assert.equal(await sessions(url), 2);
    assert.deepEqual(await changes(), []);
    await second.page.close();
    await sees(grace, "Ada", "offline");
    assert.deepEqual(await changes(), ["offline"]);
  });

  await t.step("a frozen tab ends its session at once and is back when it thaws", async () => {
    const ada = await visit(window, url);
    await sees(grace, "Ada", "online");
    const other = await window.newPage();
    await other.bringToFront(); // a page that is seen does not freeze
    const cdp = await window.newCDPSession(ada.page);
    await cdp.send("Page.setWebLifecycleState", { state: "frozen" });
    await sees(grace, "Ada", "offline");
    const back = ada.next("connected");
    await cdp.send("Page.setWebLifecycleState", { state: "active" });
    await back;
    await ada.page.bringToFront();
    await sees(grace, "Ada", "online");
    assert.equal(await ada.page.locator(".badge-notice").innerText(), "", "nothing was said of it");
    assert.deepEqual(ada.errors, []);
    await other.close();
    await ada.page.close();
    await sees(grace, "Ada", "offline");
  });

  // our pages are not to be kept, those of an app that has the client in them may be: a proxy makes ours such
  await using proxy = startTcpProxy(server.port);
  proxy.toClient.rewrite = (piece) => {
    const text = Buffer.from(piece).toString("latin1");
    return Uint8Array.from(
      Buffer.from(text.replace("cache-control: no-store", "cache-control: no-cache"), "latin1"),
    );
  };
  for (const kept of [true, false]) {
    const name = kept
      ? "a page in the back/forward cache ends its session and comes back with the page"
      : "a page that is not to be kept is loaded anew, and is back as well";
    await t.step(name, async () => {
      const ada = await visit(window, kept ? proxy.url : url);
      await sees(grace, "Ada", "online");
      await ada.page.evaluate(() => Object.assign(globalThis, { kept: true }));
      await ada.page.goto("about:blank");
      await sees(grace, "Ada", "offline");
      const back = ada.next("connected");
      await ada.page.goBack({ waitUntil: "commit" });
      await back;
      assert.equal(await ada.page.evaluate(() => (globalThis as { kept?: true }).kept === true), kept);
      await sees(grace, "Ada", "online");
      assert.deepEqual(ada.errors, []);
      await ada.page.close();
      await sees(grace, "Ada", "offline");
    });
  }
});

/** Keeps every change of how `page` lists a person, from now on. */
async function watchPerson(page: Page, name: string): Promise<() => Promise<string[]>> {
  const changes = await page.evaluateHandle((name) => {
    const changes: string[] = [];
    const row = Array.from(document.querySelectorAll<HTMLElement>("[data-user]"))
      .find((row) => row.textContent?.includes(name))!;
    new MutationObserver(() => changes.push(row.dataset.status!))
      .observe(row, { attributeFilter: ["data-status"] });
    return changes;
  }, name);
  return () => changes.jsonValue();
}
