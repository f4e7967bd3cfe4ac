/** What the stories need of a browser, whichever engine it is, so that each is written once. */

/** A running browser. Disposing it ends it. */
export interface BrowserEngine extends AsyncDisposable {
  readonly name: "Chromium" | "Firefox" | "WebKit";
  /** A page of 1100 × 800 or as near as the engine gets, of a person of its own: it shares no cookie with another. */
  newPage(): Promise<BrowserPage>;
}

/** One page. What it is asked for it waits for, within 15 s. Disposing it closes the page. */
export interface BrowserPage extends AsyncDisposable {
  /** Opens an address and waits until it is loaded. */
  open(url: string): Promise<void>;
  /** Calls `body` in the page, with arguments that are JSON; it must need nothing else from here. */
  run<T, A extends readonly unknown[]>(body: (...args: A) => T, ...args: A): Promise<Awaited<T>>;
  /** The text of the first visible element that the selector matches and that has `text` in it, once there is one. */
  see(selector: string, text?: string): Promise<string>;
  /** Waits until there is no such visible element. */
  gone(selector: string, text?: string): Promise<void>;
  /** How many such visible elements there are now. */
  count(selector: string, text?: string): Promise<number>;
  /** Clicks on such an element as a person does. */
  click(selector: string, text?: string): Promise<void>;
  /** Types at the end of a field, key by key; `\n` is the Enter key. */
  type(selector: string, text: string): Promise<void>;
  /** Puts `text` in the place of what a field holds, as pasting does. */
  fill(selector: string, text: string): Promise<void>;
  /** Waits until `body` answers true in the page. */
  until<A extends readonly unknown[]>(body: (...args: A) => unknown, ...args: A): Promise<void>;
  /** A picture of the page as a PNG file. */
  screenshot(path: string): Promise<void>;
  /** Takes the network away or gives it back; `undefined` where the engine cannot be told to. */
  readonly setOffline: ((offline: boolean) => Promise<void>) | undefined;
  /** What no script of the page caught. */
  errors(): Promise<readonly string[]>;
}

/** The few words that a driver must have; `E` is its reference to an element. */
export interface PageDriver<E> {
  open(url: string): Promise<void>;
  /** The value of a JavaScript expression in the page. */
  evaluate(expression: string): Promise<unknown>;
  /** The element that an expression leads to. */
  element(expression: string): Promise<E | null>;
  click(element: E): Promise<void>;
  /** Types into an element, at the end of what it holds. */
  type(element: E, text: string): Promise<void>;
  screenshot(): Promise<Uint8Array>;
  setOffline?: (offline: boolean) => Promise<void>;
  errors(): Promise<readonly string[]>;
  close(): Promise<void>;
}

const LIMIT_MS = 15_000, PAUSE_MS = 30;

/** Runs in the page. */
function matching(selector: string, text?: string): HTMLElement[] {
  const wanted = text?.toLowerCase();
  return Array.from(document.querySelectorAll<HTMLElement>(selector)).filter((element) =>
    element.checkVisibility() &&
    (wanted === undefined || element.innerText.replace(/\s+/g, " ").toLowerCase().includes(wanted))
  );
}

/** Runs in the page. */
function setValue(field: HTMLInputElement | HTMLTextAreaElement, text: string): void {
  field.value = text;
  field.dispatchEvent(new InputEvent("input", { bubbles: true, inputType: "insertFromPaste" }));
}

function call(body: (...args: never) => unknown, args: readonly unknown[]): string {
  return `(${body})(${args.map((arg) => JSON.stringify(arg)).join(", ")})`;
}

/** The page that a driver makes. */
export function createPage<E>(driver: PageDriver<E>): BrowserPage {
  /** Tries again while there is no answer; a page that changes meanwhile fails for a moment and for good reason. */
  async function untilDone<T>(
    what: string,
    attempt: () => Promise<T | null | undefined | false>,
  ): Promise<T> {
    const end = performance.now() + LIMIT_MS;
    for (let problem: unknown;;) {
      try {
        const value = await attempt();
        if (value !== null && value !== undefined && value !== false) return value;
        problem = undefined;
      } catch (error) {
        problem = error;
      }
      if (performance.now() > end) {
        const body = await driver.evaluate("document.body.innerText").catch(String);
        throw new Error(`Cannot ${what} in ${LIMIT_MS} ms; the page says:\n${body}`, { cause: problem });
      }
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    }
  }
  const found = (selector: string, text?: string): string =>
    call(matching, [selector, text].slice(0, text === undefined ? 1 : 2));
  const named = (selector: string, text?: string): string =>
    text === undefined ? selector : `${selector} with '${text}'`;

  return {
    open: (url) => driver.open(url),
    run: async (body, ...args) => await driver.evaluate(call(body, args)) as never,
    see: (selector, text) =>
      untilDone(`see ${named(selector, text)}`, async () => {
        const texts = await driver.evaluate(
          `${found(selector, text)}.slice(0, 1).map((one) => one.innerText)`,
        );
        return (texts as string[]).map((text) => ({ text }))[0];
      }).then(({ text }) => text),
    async gone(selector, text) {
      await untilDone(
        `see ${named(selector, text)} go`,
        async () => await driver.evaluate(`${found(selector, text)}.length === 0`) === true,
      );
    },
    count: async (selector, text) => await driver.evaluate(`${found(selector, text)}.length`) as number,
    async click(selector, text) {
      await untilDone(`click ${named(selector, text)}`, async () => {
        const element = await driver.element(`${found(selector, text)}.find((one) => !one.disabled) ?? null`);
        if (element === null) return false;
        await driver.click(element);
        return true;
      });
    },
    async type(selector, text) {
      const element = await untilDone(
        `find ${selector}`,
        () => driver.element(`${found(selector)}[0] ?? null`),
      );
      await driver.type(element, text);
    },
    async fill(selector, text) {
      await untilDone(`fill ${selector}`, async () =>
        await driver.evaluate(
          `${found(selector)}.slice(0, 1).map((field) => (${setValue})(field, ${
            JSON.stringify(text)
          })).length === 1`,
        ) === true);
    },
    async until(body, ...args) {
      await untilDone(`see ${body} come true`, async () => await driver.evaluate(call(body, args)) === true);
    },
    screenshot: async (path) => await Deno.writeFile(path, await driver.screenshot()),
    setOffline: driver.setOffline,
    errors: () => driver.errors(),
    [Symbol.asyncDispose]: () => driver.close(),
  };
}
