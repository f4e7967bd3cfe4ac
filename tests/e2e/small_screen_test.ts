/** The pages in a real browser with little room. */
import assert from "node:assert/strict";
import { startBrowser } from "../support/browser.ts";
import { startTether } from "../support/tether_process.ts";

Deno.test("the pages fit a small screen", async () => {
  await using server = await startTether();
  await using browser = await startBrowser();
  const context = await browser.newContext({ viewport: { width: 320, height: 600 } });
  const page = await context.newPage();
  await page.goto(server.url);
  await page.getByLabel("Your name").fill("Ada Lovelace-With-A-Name-That-Does-Not-Want-To-Be-Broken");
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("link", { name: "Open the chat" }).waitFor();

  for (const path of ["/", "/chat"]) {
    await page.goto(server.url + path);
    await page.locator('.connection[data-status="connected"]').waitFor();
    const beyond = await page.evaluate(() => {
      const { scrollWidth, clientWidth } = document.documentElement;
      return scrollWidth - clientWidth;
    });
    assert.ok(beyond <= 0, `${path} is wider than the screen by ${beyond}`);
  }
});
