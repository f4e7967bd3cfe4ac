/** A real Chromium, headless, for tests. */
import { type Browser, type BrowserContext, chromium } from "playwright-core";

const FLAGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** Starts the browser, with its back/forward cache as users have it. Disposing it closes all its windows. */
export async function startBrowser(): Promise<Browser> {
  return await chromium.launch({
    executablePath: "/usr/bin/chromium",
    headless: true,
    args: FLAGS,
    ignoreDefaultArgs: ["--disable-back-forward-cache"],
  });
}

/** A browser whose tabs hide each other, as people's do; playwright's own keep every page visible. */
export interface TabbedBrowser extends AsyncDisposable {
  /** All tabs of one window. Contexts made beside it are of playwright's kind. */
  readonly window: BrowserContext;
  readonly browser: Browser;
}

/** Starts a process of its own with a profile of its own. Disposing it ends the one and removes the other. */
export async function startTabbedBrowser(): Promise<TabbedBrowser> {
  const profile = await Deno.makeTempDir({ prefix: "tether-chromium-" });
  const process = new Deno.Command("/usr/bin/chromium", {
    args: [...FLAGS, "--headless", "--remote-debugging-port=0", `--user-data-dir=${profile}`],
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  }).spawn();
  const { promise: endpoint, resolve, reject } = Promise.withResolvers<string>();
  const reading = (async () => {
    let text = "";
    for await (const piece of process.stderr.pipeThrough(new TextDecoderStream())) {
      text += piece;
      const found = /DevTools listening on (ws:\S+)\s/.exec(text)?.[1];
      if (found !== undefined) resolve(found);
    }
    reject(new Error(`Cannot use the browser: it ended\n${text}`));
  })();
  const browser = await chromium.connectOverCDP(await endpoint, { noDefaults: true });
  return {
    browser,
    window: browser.contexts()[0]!,
    async [Symbol.asyncDispose]() {
      await (await browser.newBrowserCDPSession()).send("Browser.close");
      await Promise.all([process.status, reading]);
      await Deno.remove(profile, { recursive: true });
    },
  };
}
