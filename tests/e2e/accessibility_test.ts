/** Every page as people with a screen reader, a keyboard or weak eyes meet it, looked through by axe. */
import assert from "node:assert/strict";
import axe from "axe-core";
import type { Page } from "playwright-core";
import { startBrowser } from "../support/browser.ts";
import { startTether } from "../support/tether_process.ts";
import { signIn } from "./support.ts";

const WIDTHS = [320, 1440];

/** What axe finds wrong, a line each: the rule, and where. */
async function findings(page: Page): Promise<string[]> {
  // through the debugger, because the page's policy lets no foreign script in
  const { violations } = await page.evaluate(`${axe.source}; axe.run()`) as axe.AxeResults;
  return violations.flatMap(({ id, nodes }) => nodes.map(({ html }) => `${id}: ${html}`));
}

/** Waits for a page's islands, and unfolds and fills what there is. */
async function comeAlive(page: Page): Promise<void> {
  if (await page.locator(".connection").count() === 0) return;
  await page.locator('.connection[data-status="connected"]').waitFor();
  for (
    const closed of await page.locator("button.badge[aria-expanded=false], details:not([open]) > summary")
      .all()
  ) {
    await closed.click();
  }
  const composer = page.getByRole("textbox", { name: "Message" });
  if (await composer.count() === 0) return;
  await composer.fill("Hello");
  await composer.press("Enter");
  await page.getByText("Hello").first().waitFor();
}

Deno.test("axe finds nothing on any page, light or dark, narrow or wide", async (t) => {
  await using server = await startTether();
  await using browser = await startBrowser();
  await using context = await browser.newContext();
  await using other = await browser.newContext();
  await signIn(context, server.url, "Ada");
  await signIn(other, server.url, "Bob");
  const page = await context.newPage();
  // one that people can be added to
  const made = await context.request.post(`${server.url}/api/channels`, { data: { name: "News" } });
  const { channel: { id } } = await made.json();

  for (
    const path of ["/sign-in?because=auth/expired", "/", `/chat?channel=${id}`, "/no-such-page"]
  ) {
    for (const width of WIDTHS) {
      await t.step(`${path.replace(id, "…")} at ${width} px`, async () => {
        await page.setViewportSize({ width, height: 800 });
        await page.goto(server.url + path);
        await comeAlive(page);
        for (const colorScheme of ["light", "dark"] as const) {
          await page.emulateMedia({ colorScheme });
          assert.deepEqual(await findings(page), [], colorScheme);
        }
        const shown = await page.evaluate(() => document.documentElement.scrollWidth);
        assert.ok(shown <= width, `the page is ${shown} px wide`);
      });
    }
  }
});
