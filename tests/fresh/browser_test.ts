/** The built fixture in Chromium: islands come alive under a policy that allows only the page's nonce. */
import assert from "node:assert/strict";
import type { Page } from "playwright-core";
import { startBrowser } from "../support/browser.ts";
import { type ServedFixture, serveFixture } from "./support.ts";

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

async function countersComeAlive(page: Page, { origin, text }: ServedFixture): Promise<void> {
  const complaints = await open(page, `${origin}/counters`);
  await page.locator("#first[data-hydrated=true]").waitFor();

  // One signal, given to two islands.
  await page.locator("#first button").click();
  await page.locator("#second output", { hasText: "Count: 4" }).waitFor();
  await page.locator("#second button").click();
  await page.locator("#first output", { hasText: "Count: 5" }).waitFor();
  assert.equal(await page.locator("#second em.given").textContent(), "given by the page");

  // Markup that waits in the page until its island shows it, with an island in it.
  assert.equal(await page.locator("#inner").count(), 0);
  await page.locator("#toggle > button", { hasText: "label" }).click();
  await page.locator("#toggle p[title=kept]", { hasText: "shown later" }).waitFor();
  await page.locator("#inner[data-hydrated=true] button").click();
  await page.locator("#inner output", { hasText: "Count: 11" }).waitFor();
  await page.locator("#toggle > button").click();
  await page.locator("#inner").waitFor({ state: "detached" });

  const local = page.locator("#local", { hasText: "in a browser loaded when asked" });
  const title = /<p id="local" title="([^"]+)"/.exec(await text("/counters"))![1];
  assert.equal(await local.getAttribute("title"), title);

  // Hydration adopts what the server rendered: nothing is there twice.
  assert.deepEqual(await page.locator("output").allTextContents(), ["Count: 5", "Count: 5"]);
  assert.deepEqual(complaints, []);
}

async function propsArrive(page: Page, { origin, text }: ServedFixture): Promise<void> {
  const complaints = await open(page, `${origin}/props`);
  await page.locator("#props[data-hydrated=yes]").waitFor();
  const inBrowser = await page.locator("#props").textContent();

  await page.setContent(/<pre.*<\/pre>/s.exec(await text("/props"))![0]);
  const onServer = await page.locator("#props").textContent();
  assert.equal(inBrowser, onServer);
  assert.deepEqual(onServer!.split("\n"), [
    "big 12345678901234567890n",
    "bytes bytes(0,127,255)",
    "computed computed(42)",
    'cycle {name: "cycle",self: #0}',
    "date date 1970-01-01T00:00:00.000Z",
    "infinite Infinity",
    'list [1,"two",[3]]',
    'map map(["key",1],[{name: "shared"},#3])',
    "missing undefined",
    "nan NaN",
    "negative -Infinity",
    "nothing null",
    "number 1.5",
    "object {a: {b: 1}}",
    'pair [{name: "shared"},#1]',
    "regexp regexp /a+\\/b/gi",
    'set set(1,"two")',
    "signal signal({deep: date 1970-01-01T00:00:00.001Z})",
    'signals [signal("once"),#1]',
    'text "</script><!-- \\"quoted\\" \u2028"',
    "truth true",
    "url url https://example.com/a?b#c",
    "zero -0",
  ]);
  assert.deepEqual(complaints, []);
}

Deno.test("islands in Chromium", async (t) => {
  await using fixture = await serveFixture();
  const browser = await startBrowser();
  try {
    await t.step(
      "hydrate under a policy with a nonce, share signals, and show the page's markup",
      async () => {
        const page = await browser.newPage();
        await countersComeAlive(page, fixture);
        await page.close();
      },
    );
    await t.step("get the props that the server rendered them with", async () => {
      const page = await browser.newPage();
      await propsArrive(page, fixture);
      await page.close();
    });
  } finally {
    await browser.close();
  }
});
