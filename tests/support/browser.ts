/** A real Chromium, headless, for tests, with playwright's own interface. */
import { type Browser, type BrowserContext, chromium } from "playwright-core";
import { onceMore, takeTurn } from "./browser_turn.ts";
import { until } from "./until.ts";

const EXECUTABLE = "/usr/bin/chromium";
const FLAGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];
const START_MS = 30_000;

/** Starts the browser, with its back/forward cache as users have it. Disposing it closes all its windows. */
export async function startBrowser(): Promise<Browser> {
  using stack = new DisposableStack();
  stack.use(await takeTurn());
  const browser = await onceMore(() =>
    chromium.launch({
      executablePath: EXECUTABLE,
      headless: true,
      args: FLAGS,
      ignoreDefaultArgs: ["--disable-back-forward-cache"],
      timeout: START_MS,
    })
  );
  const owned = stack.move();
  browser.once("disconnected", () => owned.dispose());
  return browser;
}

/** A browser whose tabs hide each other, as people's do; playwright's own keep every page visible. */
export interface TabbedBrowser extends AsyncDisposable {
  /** All tabs of one window. Contexts made beside it are of playwright's kind. */
  readonly window: BrowserContext;
  readonly browser: Browser;
}

/** Starts a process of its own with a profile of its own. Disposing it ends the one and removes the other. */
export async function startTabbedBrowser(): Promise<TabbedBrowser> {
  await using stack = new AsyncDisposableStack();
  stack.use(await takeTurn());
  const browser = stack.use(await onceMore(launchTabbed));
  const owned = stack.move();
  return { ...browser, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

async function launchTabbed(): Promise<TabbedBrowser> {
  await using stack = new AsyncDisposableStack();
  const profile = await Deno.makeTempDir({ prefix: "tether-chromium-" });
  stack.defer(() => Deno.remove(profile, { recursive: true }));
  const process = new Deno.Command(EXECUTABLE, {
    args: [...FLAGS, "--headless", "--remote-debugging-port=0", `--user-data-dir=${profile}`],
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  }).spawn();
  let text = "", isRunning = true;
  const reading = (async () => {
    for await (const piece of process.stderr.pipeThrough(new TextDecoderStream())) text += piece;
    isRunning = false;
  })();
  stack.defer(async () => {
    if (isRunning) process.kill("SIGKILL");
    await Promise.all([process.status, reading]);
  });
  const endpoint = await until(
    () => {
      const found = /DevTools listening on (ws:\S+)\s/.exec(text)?.[1];
      if (found === undefined && !isRunning) throw new Error(`Cannot use the browser: it ended\n${text}`);
      return Promise.resolve(found);
    },
    { withinMs: START_MS, what: "the browser's start" },
  );
  const browser = await chromium.connectOverCDP(endpoint, { noDefaults: true, timeout: START_MS });
  stack.defer(async () => {
    await (await browser.newBrowserCDPSession()).send("Browser.close");
    await reading;
  });
  const owned = stack.move();
  return { browser, window: browser.contexts()[0]!, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}
