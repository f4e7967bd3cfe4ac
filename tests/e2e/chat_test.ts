/** The chat page in a real browser, on one server. */
import assert from "node:assert/strict";
import { startBrowser } from "../support/browser.ts";
import { startTether } from "../support/tether_process.ts";
import { chatStory } from "./chat_story.ts";

Deno.test("two people chat in two browsers", async () => {
  await using server = await startTether({ env: { PRESENCE_GRACE_S: "0.5" } });
  await using browser = await startBrowser();
  await chatStory({ browser, urls: [server.url, server.url] });
});

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
    const width = await page.evaluate(() => document.documentElement.scrollWidth);
    assert.equal(width, 320, `${path} is wider than the screen`);
  }
});
