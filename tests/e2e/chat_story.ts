/** Two people who chat in two windows, each over a server of their own or both over one: what each sees of the other. */
import assert from "node:assert/strict";
import type { BrowserEngine, BrowserPage } from "../support/browser_engine.ts";
import { keepPicture } from "./pictures.ts";
import { signInByForm } from "./sign_in_story.ts";

/** Options of {@linkcode chatStory}. */
export interface ChatStoryOptions {
  /** The server of each of the two; both lead to the same fleet. */
  urls: readonly [string, string];
}

const MESSAGE = "textarea[aria-label=Message]", MESSAGES = '[role=log][aria-label="Messages"] p';

/** A button of the list of channels. */
const CHANNEL = "nav[aria-label=Channels] button[data-channel]";

async function enter(page: BrowserPage, { url, name }: { url: string; name: string }): Promise<void> {
  await signInByForm(page, { url, name });
  await page.click("a", "Open the chat");
  await page.see(MESSAGE);
  await page.see('.connection[data-status="connected"]');
}

/** Plays the story; throws where it goes wrong. */
export async function chatStory(engine: BrowserEngine, { urls }: ChatStoryOptions): Promise<void> {
  await using ada = await engine.newPage();
  await using stack = new AsyncDisposableStack();
  const grace = stack.use(await engine.newPage());
  await Promise.all([
    enter(ada, { url: urls[0], name: "Ada" }),
    enter(grace, { url: urls[1], name: "Grace" }),
  ]);

  // presence
  await ada.see('[data-status="online"]', "Grace");

  // typing, then the message, which ends the typing
  const before = await composer(ada);
  await grace.type(MESSAGE, "Hel");
  await ada.see(".typing", "Typing: Grace");
  assert.equal(await grace.count(".typing", "Typing:"), 0, "who types is not told of it");
  await grace.fill(MESSAGE, "Hello, Ada");
  await grace.type(MESSAGE, "\n");
  await ada.see(MESSAGES, "Hello, Ada");
  await ada.gone(".typing", "Typing: Grace");
  await grace.see(MESSAGES, "Hello, Ada");
  assert.deepEqual(await composer(ada), before, "nothing moves");

  // a channel of one's own, and somebody added to it by name
  await ada.click("summary", "New channel");
  await ada.type("input[aria-label=Name]", "Plans");
  await ada.click("button", "Create");
  await ada.see("h2", "Plans");
  assert.equal(await grace.count(CHANNEL, "Plans"), 0);
  await ada.until(() =>
    document.querySelector<HTMLSelectElement>("select")?.selectedOptions[0]?.text === "Grace"
  );
  await ada.click("button", "Add");
  await grace.see(CHANNEL, "Plans");

  // unread where it is not open, and read where it is opened
  await ada.type(MESSAGE, "First plan\n");
  await ada.see(MESSAGES, "First plan");
  await ada.fill(MESSAGE, "<b>Second</b>\nplan");
  await ada.type(MESSAGE, "\n");
  await grace.see(CHANNEL, "Plans 2");
  await keepPicture(grace, { engine, of: "chat" });
  await grace.click(CHANNEL, "Plans");
  await grace.see(MESSAGES, "First plan");
  await grace.see(MESSAGES, "<b>Second</b> plan");
  await grace.gone(`${CHANNEL} .unread`);
  // also for the next page
  await grace.until(async () => {
    const { channels } = await (await fetch("/api/channels")).json();
    return channels.every(({ unread }: { unread: number }) => unread === 0);
  });
  await grace.open(`${urls[1]}/chat`);
  await grace.see(CHANNEL, "Plans");
  assert.equal(await grace.count(".unread"), 0);

  // removed while it is open: the channel closes, and what is said there is not heard
  await grace.see('.connection[data-status="connected"]');
  await grace.click(CHANNEL, "Plans");
  await grace.see(MESSAGES, "First plan");
  await ada.click('button[aria-label="Remove Grace"]');
  await grace.see("[role=alert]", "You are no longer in that channel.");
  await grace.gone(CHANNEL, "Plans");
  await grace.see("h2", "general");
  await ada.type(MESSAGE, "Not for Grace\n");
  await ada.see(MESSAGES, "Not for Grace");
  await ada.click(CHANNEL, "general");
  await ada.see("h2", "general");
  await ada.type(MESSAGE, "For all\n");
  await grace.see(MESSAGES, "For all");
  assert.equal(await grace.count(MESSAGES, "Not for Grace"), 0);

  // who goes is seen to go
  assert.deepEqual([...await ada.errors(), ...await grace.errors()], []);
  await stack.disposeAsync();
  await ada.see('[data-status="offline"]', "Grace");
}

function composer(page: BrowserPage): Promise<unknown> {
  return page.run(() => document.querySelector(".composer")!.getBoundingClientRect().toJSON());
}
