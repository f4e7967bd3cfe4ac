/** The island as people use it: by keyboard, on a small screen, and without a word or a jump too many. */
import assert from "node:assert/strict";
import type { Page } from "playwright-core";
import { startBrowser } from "../support/browser.ts";
import { startTcpProxy } from "../support/tcp_proxy.ts";
import { startTether } from "../support/tether_process.ts";
import { signIn, visit } from "./support.ts";

Deno.test("the island", async (t) => {
  await using server = await startTether();
  await using proxy = startTcpProxy(server.port);
  await using browser = await startBrowser();
  const wide = await browser.newContext({ viewport: { width: 1100, height: 800 } });
  await signIn(wide, proxy.url, "Ada");

  await t.step("opens and closes by keyboard, and the focus is never lost", async () => {
    const { page } = await visit(wide, proxy.url);
    const badge = page.locator(".badge"),
      panel = page.getByRole("region", { name: "Connection", exact: true });
    await panel.waitFor();
    await badge.focus();
    await page.keyboard.press("Enter");
    await panel.waitFor({ state: "detached" });
    await page.keyboard.press("Enter");
    await panel.waitFor();
    assert.equal(await badge.getAttribute("aria-expanded"), "true");
    assert.equal(await panel.getAttribute("id"), await badge.getAttribute("aria-controls"));
    for (const name of ["Close", "Reconnect now", "Disconnect"]) {
      await page.keyboard.press("Tab");
      assert.equal(await focused(page), name);
    }
    await page.keyboard.press("Enter");
    await page.locator('.connection[data-status="disconnected"]').waitFor();
    assert.equal(await focused(page), "Disconnect", "also when there is nothing left to disconnect");
    await page.keyboard.press("Escape");
    await panel.waitFor({ state: "detached" });
    assert.match(await focused(page), /^Disconnected/);
    await page.close();
  });

  await t.step("tells screen readers of a loss once and of the return once, and moves nothing", async () => {
    const { page } = await visit(wide, proxy.url);
    const said = await watchStatus(page);
    await page.locator(".badge-number", { hasText: "ms" }).waitFor();
    const moved = await watchLayout(page);
    await server.kill();
    await page.getByText("The connection was lost. Reconnecting…").waitFor();
    await page.locator(".panel .countdown").waitFor();
    await server.start();
    await page.getByText("You are connected again.").waitFor();
    await page.locator(".badge-notice:empty").waitFor({ state: "attached" });
    assert.deepEqual(await said(), [
      "The connection was lost. Reconnecting…",
      "You are connected again.",
      "",
    ]);
    assert.deepEqual(await moved(), []);
    await page.close();
  });

  await t.step("says nothing of a short loss", async () => {
    const ada = await visit(wide, proxy.url);
    const said = await watchStatus(ada.page);
    const badge = ada.page.locator(".badge-word");
    const lost = ada.next("reconnecting");
    proxy.drop();
    await lost;
    assert.equal(await badge.innerText(), "Connected");
    await ada.page.getByRole("button", { name: "Reconnect now" }).click();
    await ada.until("connected");
    assert.deepEqual(await said(), []);
    await ada.page.close();
  });

  await t.step("is a sheet on a screen of 320 px, closed at first, with the page within reach", async () => {
    const narrow = await browser.newContext({ viewport: { width: 320, height: 640 } });
    await signIn(narrow, proxy.url, "Ada");
    const { page } = await visit(narrow, proxy.url);
    const badge = page.locator(".badge");
    assert.equal(await badge.getAttribute("aria-expanded"), "false");
    await badge.click();
    const panel = page.locator(".panel");
    await panel.waitFor();
    assert.equal(await page.evaluate(() => document.documentElement.scrollWidth > innerWidth), false);
    const end = page.locator("main > :not(aside)").last();
    await page.evaluate(() => scrollTo(0, document.documentElement.scrollHeight));
    const [sheet, content] = [await panel.boundingBox(), await end.boundingBox()];
    assert(content!.y + content!.height <= sheet!.y, "the end of the page can be scrolled above the sheet");
    await page.getByRole("button", { name: "Close" }).click();
    await panel.waitFor({ state: "detached" });
    await narrow.close();
  });
});

/** The name of what has the focus. */
async function focused(page: Page): Promise<string> {
  return await page.evaluate(() => {
    const { activeElement } = document;
    return activeElement?.getAttribute("aria-label") ?? activeElement?.textContent ?? "";
  });
}

/** Keeps every text that the page's live region changes to, from now on. */
async function watchStatus(page: Page): Promise<() => Promise<string[]>> {
  const said = await page.getByRole("status").evaluateHandle((region) => {
    const said: string[] = [];
    let last = region.textContent!;
    new MutationObserver(() => {
      const text = region.textContent!;
      if (text !== last) said.push(last = text);
    }).observe(region, { childList: true, characterData: true, subtree: true });
    return said;
  });
  return () => said.jsonValue();
}

/** Looks at every frame, from now on, whether something that shall not move has moved: what did. */
async function watchLayout(page: Page): Promise<() => Promise<string[]>> {
  const moved = await page.evaluateHandle(() => {
    const selectors = ["main", ".badge", ".panel", ".panel .states", ".panel .buttons"];
    const places = selectors.map((selector) => ({ selector, place: "" }));
    const moved: string[] = [];
    const look = (): void => {
      for (const known of places) {
        const place = JSON.stringify(document.querySelector(known.selector)!.getBoundingClientRect());
        if (known.place !== "" && known.place !== place) {
          moved.push(`${known.selector} from ${known.place} to ${place}`);
        }
        known.place = place;
      }
      requestAnimationFrame(look);
    };
    look();
    return moved;
  });
  return () => moved.jsonValue();
}
