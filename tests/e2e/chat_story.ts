/** Two people who chat in two browsers, each over a server of their own or both over one: what each sees of the other. */
import assert from "node:assert/strict";
import type { Browser, Locator, Page } from "playwright-core";

/** Options of {@linkcode chatStory}. */
export interface ChatStoryOptions {
  browser: Browser;
  /** The server of each of the two; both lead to the same fleet. */
  urls: readonly [string, string];
}

/** One of the two, on the chat page. */
interface Chatter extends AsyncDisposable {
  readonly page: Page;
  /** Errors of the page's own code. */
  readonly errors: string[];
  message(text: string): Locator;
  channel(name: string): Locator;
  write(text: string): Promise<void>;
}

async function chatter(browser: Browser, { url, name }: { url: string; name: string }): Promise<Chatter> {
  const context = await browser.newContext({ viewport: { width: 1000, height: 700 } });
  const page = await context.newPage();
  const errors: string[] = [];
  page.on("pageerror", (error) => errors.push(String(error)));
  await page.goto(url);
  await page.getByLabel("Your name").fill(name);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("link", { name: "Open the chat" }).click();
  await page.locator('.connection[data-status="connected"]').waitFor();
  return {
    page,
    errors,
    message: (text) => page.getByRole("log", { name: "Messages" }).getByText(text),
    channel: (name) => page.getByRole("navigation", { name: "Channels" }).getByRole("button", { name }),
    async write(text) {
      await page.getByLabel("Message", { exact: true }).fill(text);
      await page.getByLabel("Message", { exact: true }).press("Enter");
    },
    [Symbol.asyncDispose]: () => context.close(),
  };
}

/** Plays the story; throws where it goes wrong. */
export async function chatStory({ browser, urls }: ChatStoryOptions): Promise<void> {
  await using ada = await chatter(browser, { url: urls[0], name: "Ada" });
  const grace = await chatter(browser, { url: urls[1], name: "Grace" });

  // presence
  await ada.page.locator('[data-status="online"]', { hasText: "Grace" }).waitFor();

  // typing, then the message, which ends the typing
  const before = await ada.page.locator(".composer").boundingBox();
  await grace.page.getByLabel("Message", { exact: true }).pressSequentially("Hel");
  await ada.page.getByText("Typing: Grace").waitFor();
  assert.equal(await grace.page.getByText("Typing:").count(), 0, "who types is not told of it");
  await grace.write("Hello, Ada");
  await ada.message("Hello, Ada").waitFor();
  await ada.page.getByText("Typing: Grace").waitFor({ state: "detached" });
  await grace.message("Hello, Ada").waitFor();
  assert.deepEqual(await ada.page.locator(".composer").boundingBox(), before, "nothing moves");

  // a channel of one's own, and somebody added to it by name
  await ada.page.getByText("New channel").click();
  await ada.page.getByLabel("Name", { exact: true }).fill("Plans");
  await ada.page.getByRole("button", { name: "Create" }).click();
  await ada.page.getByRole("heading", { name: "Plans" }).waitFor();
  assert.equal(await grace.channel("Plans").count(), 0);
  await ada.page.getByLabel("Person").selectOption("Grace");
  await ada.page.getByRole("button", { name: "Add" }).click();
  await grace.channel("Plans").waitFor();

  // unread where it is not open, and read where it is opened
  await ada.write("First plan");
  await ada.write("<b>Second</b>\nplan");
  await grace.channel("Plans").getByText("2").waitFor();
  await grace.channel("Plans").click();
  await grace.message("First plan").waitFor();
  await grace.message("<b>Second</b> plan").waitFor();
  await grace.channel("Plans").locator(".unread").waitFor({ state: "detached" });
  // also for the next page
  await grace.page.waitForFunction(async () => {
    const { channels } = await (await fetch("/api/channels")).json();
    return channels.every(({ unread }: { unread: number }) => unread === 0);
  });
  await grace.page.reload();
  await grace.channel("Plans").waitFor();
  assert.equal(await grace.page.locator(".unread").count(), 0);

  // removed while it is open: the channel closes, and what is said there is not heard
  await grace.channel("Plans").click();
  await grace.message("First plan").waitFor();
  await ada.page.getByRole("button", { name: "Remove Grace" }).click();
  await grace.page.getByText("You are no longer in that channel.").waitFor();
  await grace.channel("Plans").waitFor({ state: "detached" });
  await grace.page.getByRole("heading", { name: "general" }).waitFor();
  await ada.write("Not for Grace");
  await ada.message("Not for Grace").waitFor();
  await ada.channel("general").click();
  await ada.write("For all");
  await grace.message("For all").waitFor();
  assert.equal(await grace.page.getByText("Not for Grace").count(), 0);

  // who goes is seen to go
  assert.deepEqual([...ada.errors, ...grace.errors], []);
  await grace[Symbol.asyncDispose]();
  await ada.page.locator('[data-status="offline"]', { hasText: "Grace" }).waitFor();
}
