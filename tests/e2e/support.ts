/** What the browser tests share: signing in, and every state that a page's connection goes through, as it happens. */
import assert from "node:assert/strict";
import type { BrowserContext, Page } from "playwright-core";

/** A state that the island showed. */
export interface Shown {
  status: string;
  /** Epoch milliseconds, by the browser's clock. */
  at: number;
}

/** A page with a connection. */
export interface Visit {
  page: Page;
  /** Every state so far. */
  readonly states: readonly Shown[];
  /** The next time that the connection is in this state, from now on. */
  next(status: string): Promise<Shown>;
  /** Stays until the connection is in this state. */
  until(status: string): Promise<void>;
  /** What no script of the page caught. */
  readonly errors: readonly string[];
}

const LIMIT_MS = 30_000;

/** Signs in by name, without the form. */
export async function signIn(context: BrowserContext, url: string, name: string): Promise<void> {
  const answer = await context.request.post(`${url}/api/auth/sign-in`, {
    data: { name },
    headers: { origin: url },
  });
  assert.equal(answer.status(), 200, await answer.text());
}

/** Opens the front page, once it is prepared, and waits until it is connected; the user must have signed in. */
export async function visit(
  context: BrowserContext,
  url: string,
  prepare?: (page: Page) => Promise<void>,
): Promise<Visit> {
  const page = await context.newPage();
  await prepare?.(page);
  const visit = await follow(page);
  await Promise.all([visit.until("connected"), page.goto(url)]);
  return visit;
}

/** Follows the connection of `page`, whatever it will load. */
export async function follow(page: Page): Promise<Visit> {
  const states: Shown[] = [], errors: string[] = [];
  const waiting = new Set<() => void>();
  page.on("pageerror", (error) => errors.push(String(error)));
  await page.exposeFunction("tellStatus", (status: string, at: number) => {
    states.push({ status, at });
    for (const check of [...waiting]) check();
  });
  await page.addInitScript(() => {
    const { tellStatus } = globalThis as unknown as { tellStatus(status: string, at: number): void };
    let last: string | undefined;
    const look = (): void => {
      const status = document.querySelector<HTMLElement>(".connection")?.dataset.status;
      if (status !== undefined && status !== last) tellStatus(last = status, Date.now());
    };
    new MutationObserver(look).observe(document, {
      subtree: true,
      childList: true,
      attributeFilter: ["data-status"],
    });
  });

  function next(status: string): Promise<Shown> {
    const from = states.length;
    return new Promise((resolve, reject) => {
      const check = (): void => {
        const found = states.find((shown, index) => index >= from && shown.status === status);
        if (found === undefined) return;
        done();
        resolve(found);
      };
      const done = (): void => {
        clearTimeout(timer);
        waiting.delete(check);
      };
      const timer = setTimeout(() => {
        done();
        const seen = states.slice(from).map((shown) => shown.status);
        reject(new Error(`Cannot wait longer for '${status}': there was ${seen.join(", ") || "nothing"}`));
      }, LIMIT_MS);
      waiting.add(check);
    });
  }

  return {
    page,
    states,
    errors,
    next,
    async until(status) {
      if (states.at(-1)?.status !== status) await next(status);
    },
  };
}

/** A field of the panel; opens it if need be. */
export async function field(page: Page, name: string): Promise<string> {
  const badge = page.locator(".badge");
  if (await badge.getAttribute("aria-expanded") === "false") await badge.click();
  return await page.locator(`[data-field="${name}"]`).innerText();
}

/** Sessions that the server holds now. */
export async function sessions(url: string): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text();
  return Number(/^tether_sessions (\d+)$/m.exec(text)?.[1]);
}

/** Waits until another person's page lists `name` with this status. */
export async function sees(page: Page, name: string, status: string): Promise<void> {
  await page.locator(`[data-user][data-status="${status}"]`, { hasText: name }).waitFor();
}
