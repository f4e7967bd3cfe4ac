/** The built fixture in Chromium: islands come alive under a policy that allows only the page's nonce. */
import assert from "node:assert/strict";
import type { Page } from "playwright-core";
import { startBrowser } from "../support/browser.ts";
import { serveFixture } from "./support.ts";

/** Opens a page and fails on anything that the browser complains about, a blocked script among it. */
async function open(page: Page, url: string): Promise<string[]> {
  const complaints: string[] = [];
  page.on("console", (message) => {
    if (message.type() === "error" || message.type() === "warning") complaints.push(message.text());
  });
  page.on("pageerror", (error) => complaints.push(String(error)));
  await page.goto(url);
  return complaints;
}

Deno.test("islands in Chromium hydrate under a policy with a nonce, with the props that the server sent", async () => {
  await using fixture = await serveFixture();
  await using browser = await startBrowser();
  const page = await browser.newPage();
  const complaints = await open(page, `${fixture.origin}/counters`);
  await page.locator("#first[data-hydrated=true]").waitFor();
  await page.locator("#second[data-hydrated=true]").waitFor();

  assert.equal(await page.locator("#first button").textContent(), '</script><!-- "quoted" \u2028');
  await page.locator("#first button").click();
  await page.locator("#first output", { hasText: "Count: 4" }).waitFor();
  await page.locator("#second button").click();
  await page.locator("#second output", { hasText: "Count: 5" }).waitFor();
  // hydration adopts what the server rendered: nothing is there twice
  assert.deepEqual(await page.locator("output").allTextContents(), ["Count: 4", "Count: 5"]);

  const local = page.locator("#local", { hasText: "loaded when asked" });
  await local.waitFor();
  const title = /<p id="local" title="([^"]+)"/.exec(await fixture.text("/counters"))![1];
  assert.equal(await local.getAttribute("title"), title);

  await page.goto(`${fixture.origin}/nested`);
  await page.locator("#nested[data-hydrated=true] button").click();
  await page.locator("#nested output", { hasText: "Count: 8" }).waitFor();
  assert.deepEqual(complaints, []);
});
