/** Pictures of the stories, to look at. */
import type { BrowserEngine, BrowserPage } from "../support/browser_engine.ts";

/**
 * With `PICTURES` set, keeps a picture of the page in that folder; with `UPDATE_SCREENSHOT` set, the README's is taken
 * anew: people, in Chromium.
 */
export async function keepPicture(
  page: BrowserPage,
  { engine, of }: { engine: BrowserEngine; of: string },
): Promise<void> {
  const folder = Deno.env.get("PICTURES");
  if (folder !== undefined) await page.screenshot(`${folder}/${engine.name.toLowerCase()}-${of}.png`);
  if (Deno.env.has("UPDATE_SCREENSHOT") && engine.name === "Chromium" && of === "people") {
    await page.screenshot(new URL("../../docs/screenshot.png", import.meta.url).pathname);
  }
}
