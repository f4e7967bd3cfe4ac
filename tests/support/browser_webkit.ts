/** Debian's WebKitGTK for the stories that run in every engine, on a screen of its own that nobody sees. */
import { type BrowserEngine, type BrowserPage, createPage } from "./browser_engine.ts";
import { onceMore, takeTurn } from "./browser_turn.ts";
import { until } from "./until.ts";
import { elementId, newSession, type WebDriverSession, type WebElement } from "./webdriver.ts";

const START_MS = 30_000;
// with the window's title bar, a page of 1100 × 800
const WINDOW = { width: 1100, height: 838 };
// a window that another one covers is not painted
const SIDE_BY_SIDE = 3;
const ENTER = "\uE007";

/** Starts the screen, in its turn. Each page is a browser of its own there, with a driver of its own. */
export async function startWebKit(): Promise<BrowserEngine> {
  await using stack = new AsyncDisposableStack();
  stack.use(await takeTurn());
  const { display } = stack.use(await onceMore(startScreen));
  const owned = stack.move();
  let windows = 0;

  async function newPage(): Promise<BrowserPage> {
    await using stack = new AsyncDisposableStack();
    const session = stack.use(await onceMore(() => startSession(display)));
    const x = windows++ % SIDE_BY_SIDE * WINDOW.width;
    await session.command("POST", "/window/rect", { ...WINDOW, x, y: 0 });
    const page = webkitPage(session);
    stack.move();
    return page;
  }

  return { name: "WebKit", newPage, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

/** An X server without a screen. When it ends, so does every browser that is left on it. */
async function startScreen(): Promise<{ display: string } & AsyncDisposable> {
  await using stack = new AsyncDisposableStack();
  const server = stack.use(start("Xvfb", {
    args: [
      "-displayfd",
      "1",
      "-screen",
      "0",
      `${SIDE_BY_SIDE * WINDOW.width}x${WINDOW.height}x24`,
      "-nolisten",
      "tcp",
    ],
  }));
  const display = await server.printed(/^(\d+)\n/, "the screen");
  const owned = stack.move();
  return { display: `:${display}`, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

async function startSession(display: string): Promise<WebDriverSession> {
  await using stack = new AsyncDisposableStack();
  const port = freePort();
  const driver = stack.use(start("WebKitWebDriver", { args: [`--port=${port}`], env: { DISPLAY: display } }));
  await until(async () => driver.isRunning && await isListening(port), {
    withinMs: START_MS,
    what: "WebKit's driver",
  });
  const session = stack.use(await newSession(`http://127.0.0.1:${port}`, { browserName: "MiniBrowser" }));
  const owned = stack.move();
  return { command: session.command, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

function webkitPage({ command, [Symbol.asyncDispose]: close }: WebDriverSession): BrowserPage {
  // the protocol does not tell of errors: each look at a page has them kept from then on
  const keepErrors = (): void => {
    const scope = globalThis as { keepsErrors?: true };
    if (scope.keepsErrors) return;
    scope.keepsErrors = true;
    const keep = (what: unknown): void =>
      sessionStorage.setItem(
        "errors",
        JSON.stringify([...JSON.parse(sessionStorage.getItem("errors") ?? "[]"), String(what)]),
      );
    addEventListener("error", (event) => keep(event.message));
    addEventListener("unhandledrejection", (event) => keep(event.reason));
  };
  const evaluate = (expression: string): Promise<unknown> =>
    command("POST", "/execute/sync", { script: `(${keepErrors})(); return ${expression}`, args: [] });
  return createPage<WebElement>({
    open: async (url) => void await command("POST", "/url", { url }),
    evaluate,
    element: async (expression) => await evaluate(expression) as WebElement | null,
    click: async (element) => void await command("POST", `/element/${elementId(element)}/click`),
    async type(element, text) {
      await command("POST", `/element/${elementId(element)}/value`, { text: text.replaceAll("\n", ENTER) });
    },
    screenshot: async () => Uint8Array.fromBase64(await command("GET", "/screenshot") as string),
    errors: async () => JSON.parse(await evaluate('sessionStorage.getItem("errors") ?? "[]"') as string),
    close: async () => await close(),
  });
}

/** A process that is killed at the end, and what it prints on its standard output. */
function start(command: string, options: Deno.CommandOptions) {
  const child = new Deno.Command(command, { ...options, stdin: "null", stdout: "piped", stderr: "null" })
    .spawn();
  let text = "", isRunning = true;
  const reading = (async () => {
    // an X server closes the stream once it has told of its number
    for await (const piece of child.stdout.pipeThrough(new TextDecoderStream())) text += piece;
    await child.status;
    isRunning = false;
  })();
  return {
    get isRunning() {
      return isRunning;
    },
    printed: (pattern: RegExp, what: string) =>
      until(() => {
        if (!isRunning) throw new Error(`Cannot start ${what}: it ended`);
        return Promise.resolve(pattern.exec(text)?.[1]);
      }, { withinMs: START_MS, what }),
    async [Symbol.asyncDispose]() {
      if (isRunning) child.kill("SIGTERM");
      await reading;
    },
  };
}

function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

async function isListening(port: number): Promise<boolean> {
  try {
    (await Deno.connect({ hostname: "127.0.0.1", port })).close();
    return true;
  } catch {
    return false;
  }
}
