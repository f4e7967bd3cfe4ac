/** Chromium for the stories that run in every engine. */
import type { ElementHandle } from "playwright-core";
import { startBrowser } from "./browser.ts";
import { type BrowserEngine, type BrowserPage, createPage } from "./browser_engine.ts";

/** Starts it, in its turn. */
export async function startChromium(): Promise<BrowserEngine> {
  const browser = await startBrowser();

  async function newPage(): Promise<BrowserPage> {
    const context = await browser.newContext({ viewport: { width: 1100, height: 800 } });
    const page = await context.newPage();
    const errors: string[] = [];
    page.on("pageerror", (error) => errors.push(String(error)));
    return createPage<ElementHandle>({
      open: async (url) => void await page.goto(url),
      evaluate: (expression) => page.evaluate(expression),
      element: async (expression) => (await page.evaluateHandle(expression)).asElement(),
      click: (element) => element.click(),
      async type(element, text) {
        await element.focus();
        await page.keyboard.type(text);
      },
      screenshot: () => page.screenshot(),
      setOffline: (offline) => context.setOffline(offline),
      errors: () => Promise.resolve(errors),
      close: () => context.close(),
    });
  }

  return { name: "Chromium", newPage, [Symbol.asyncDispose]: () => browser.close() };
}
