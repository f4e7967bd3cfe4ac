/** The story of the front page in a real browser: sign in, connect, survive a restart, see others come and go. */
import assert from "node:assert/strict";
import type { Page } from "playwright-core";
import { startBrowser } from "../support/browser.ts";
import { startTether } from "../support/tether_process.ts";

async function signIn(page: Page, { url, name }: { url: string; name: string }): Promise<void> {
  await page.goto(url);
  await page.getByLabel("Your name").fill(name);
  await page.getByRole("button", { name: "Sign in" }).click();
  await connected(page);
}

function connected(page: Page): Promise<unknown> {
  return page.locator('.connection[data-status="connected"]').waitFor();
}

function field(page: Page, name: string): Promise<string> {
  return page.locator(`[data-field="${name}"]`).innerText();
}

Deno.test("a person signs in, stays connected over a restart, and sees others come and go", async () => {
  await using server = await startTether({ env: { PRESENCE_GRACE_S: "0.5" } });
  await using browser = await startBrowser();
  const page = await browser.newPage({ viewport: { width: 1100, height: 800 } });
  const errors: string[] = [];
  page.on("pageerror", (error) => errors.push(String(error)));

  await signIn(page, { url: server.url, name: "Ada" });
  assert.equal(await field(page, "state"), "connected");
  assert.equal(await field(page, "transport"), "websocket");
  const sid = await field(page, "session");
  assert.match(sid, /^[\w-]{20}$/);
  await page.locator('[data-user][data-status="online"]', { hasText: "Ada" }).waitFor();

  // a second browser, a second person
  const other = await browser.newContext();
  const otherPage = await other.newPage();
  await signIn(otherPage, { url: server.url, name: "Grace" });
  await page.locator('[data-user][data-status="online"]', { hasText: "Grace" }).waitFor({ timeout: 1000 });
  await keepScreenshot(page);
  await other.close();
  await page.locator('[data-user][data-status="offline"]', { hasText: "Grace" }).waitFor();

  // the server goes away and comes back
  const before = await page.locator("main").boundingBox();
  await server.stop();
  await page.getByText("The connection was lost. Reconnecting…").waitFor();
  await page.locator(".panel .countdown").waitFor();
  const [first, second] = [await countdown(page), await countdown(page)];
  assert.notEqual(first, second, "the countdown is live");
  assert.deepEqual(await page.locator("main").boundingBox(), before, "the page does not jump about");
  await server.start();
  await connected(page);
  await page.getByText("You are connected again.").waitFor();
  assert.notEqual(await field(page, "session"), sid);
  await page.locator('[data-user][data-status="online"]', { hasText: "Ada" }).waitFor();

  // the buttons do what they say
  await page.getByRole("button", { name: "Disconnect" }).click();
  await page.locator('.connection[data-status="disconnected"]').waitFor();
  await page.getByRole("button", { name: "Reconnect now" }).click();
  await connected(page);
  assert.deepEqual(errors, []);
});

/** The countdown's text; the next call waits for another one. */
async function countdown(page: Page): Promise<string> {
  const text = await page.locator(".panel .countdown").innerText();
  await page.waitForFunction(
    (shown) => document.querySelector(".panel .countdown")?.textContent !== shown,
    text,
  );
  return text;
}

/** Takes the README's picture anew when `UPDATE_SCREENSHOT` is set. */
async function keepScreenshot(page: Page): Promise<void> {
  const path = new URL("../../docs/screenshot.png", import.meta.url).pathname;
  if (Deno.env.has("UPDATE_SCREENSHOT")) await page.screenshot({ path });
}
