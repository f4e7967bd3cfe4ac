/** The stories that every engine must tell: sign-in, restart, chat, and a network that is gone for a while. */
import assert from "node:assert/strict";
import type { BrowserEngine } from "../support/browser_engine.ts";
import { startTether } from "../support/tether_process.ts";
import { chatStory } from "./chat_story.ts";
import { restartStory } from "./restart_story.ts";
import { signInByForm, signInStory } from "./sign_in_story.ts";

/** Registers the stories as tests in one engine. */
export function testEngine(start: () => Promise<BrowserEngine>, { name, canGoOffline = true }: {
  name: BrowserEngine["name"];
  /** Whether the engine can be told that there is no network. */
  canGoOffline?: boolean;
}): void {
  Deno.test(`the stories in ${name}`, async (t) => {
    await using engine = await start();
    await t.step(`a person signs in over http, with script and without: ${name}`, () => signInStory(engine));
    await t.step(
      `a page stays connected when its server stops or dies and starts again, and sees others come and go: ${name}`,
      () => restartStory(engine),
    );
    await t.step(`two people chat: ${name}`, async () => {
      await using server = await startTether({ env: { PRESENCE_GRACE_S: "0.5" } });
      await chatStory(engine, { urls: [server.url, server.url] });
    });
    const offline = "a page without a network says so and is back with the network";
    await t.step({
      name: canGoOffline
        ? `${offline}: ${name}`
        : `not tested in ${name}, whose network nothing can take away: ${offline}`,
      ignore: !canGoOffline,
      fn: () => offlineStory(engine),
    });
  });
}

async function offlineStory(engine: BrowserEngine): Promise<void> {
  await using server = await startTether();
  await using page = await engine.newPage();
  await signInByForm(page, { url: server.url, name: "Ada" });
  await page.setOffline!(true);
  await page.see(".badge-notice", "You are offline. Reconnecting when the network is back.");
  assert.equal(await page.see('[data-field="state"]'), "reconnecting when the network is back");
  await page.setOffline!(false);
  await page.see('.connection[data-status="connected"]');
  await page.see(".badge-notice", "You are connected again.");
  assert.deepEqual(await page.errors(), []);
}
