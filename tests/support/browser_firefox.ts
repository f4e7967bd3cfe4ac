/** Debian's Firefox for the stories that run in every engine, driven over WebDriver BiDi. */
import puppeteer, { type ElementHandle } from "puppeteer-core";
import { type BrowserEngine, type BrowserPage, createPage } from "./browser_engine.ts";
import { onceMore, takeTurn } from "./browser_turn.ts";

const START_MS = 40_000;
/** What Firefox tells of as of an error of the page, while it is the network's. */
const NETWORK_ERROR =
  /^Error: (?:Firefox can’t establish a connection|The connection to \S+ was interrupted)/;

/** Starts it, in its turn, with a profile of its own. */
export async function startFirefox(): Promise<BrowserEngine> {
  using stack = new DisposableStack();
  stack.use(await takeTurn());
  const browser = await onceMore(() =>
    puppeteer.launch({
      browser: "firefox",
      executablePath: "/usr/bin/firefox-esr",
      defaultViewport: { width: 1100, height: 800 },
      timeout: START_MS,
      // the signals are the tests' own
      handleSIGINT: false,
      handleSIGTERM: false,
      handleSIGHUP: false,
    })
  );
  const owned = stack.move();

  async function newPage(): Promise<BrowserPage> {
    const context = await browser.createBrowserContext();
    // a window, for a tab hides the others of its window
    const page = await context.newPage({ type: "window" });
    const errors: string[] = [];
    page.on("pageerror", (error) => {
      if (!NETWORK_ERROR.test(String(error))) errors.push(String(error));
    });
    return createPage<ElementHandle>({
      open: async (url) => void await page.goto(url),
      evaluate: (expression) => page.evaluate(expression),
      element: async (expression) =>
        (await page.evaluateHandle(expression)).asElement() as ElementHandle | null,
      click: (element) => element.click(),
      type: (element, text) => element.type(text),
      screenshot: () => page.screenshot(),
      setOffline: (offline) => page.setOfflineMode(offline),
      errors: () => Promise.resolve(errors),
      close: () => context.close(),
    });
  }

  return {
    name: "Firefox",
    newPage,
    async [Symbol.asyncDispose]() {
      await browser.close();
      owned.dispose();
    },
  };
}
