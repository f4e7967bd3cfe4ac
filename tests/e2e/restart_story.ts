/** The front page: connect, see others come and go, survive a server that stops or dies. */
import assert from "node:assert/strict";
import type { BrowserEngine, BrowserPage } from "../support/browser_engine.ts";
import { startTether } from "../support/tether_process.ts";
import { keepPicture } from "./pictures.ts";
import { signInByForm } from "./sign_in_story.ts";

const connected = '.connection[data-status="connected"]';

/** Plays the story, its two halves at the same time, for each waits more than it does; throws where it goes wrong. */
export async function restartStory(engine: BrowserEngine): Promise<void> {
  await Promise.all([stopStory(engine), deathStory(engine)]);
}

async function stopStory(engine: BrowserEngine): Promise<void> {
  await using server = await startTether({ env: { PRESENCE_GRACE_S: "0.5" } });
  const { url } = server;
  await using page = await engine.newPage();
  await signInByForm(page, { url, name: "Ada" });
  assert.equal(await page.see('[data-field="state"]'), "connected");
  assert.equal(await page.see('[data-field="transport"]'), "websocket");
  const sid = await page.see('[data-field="session"]');
  assert.match(sid, /^[\w-]{20}$/);
  await page.see('[data-user][data-status="online"]', "Ada");

  // a second browser, a second person
  {
    await using other = await engine.newPage();
    await signInByForm(other, { url, name: "Grace" });
    const before = performance.now();
    await page.see('[data-user][data-status="online"]', "Grace");
    assert.ok(performance.now() - before < 1000);
    await keepPicture(page, { engine, of: "people" });
  }
  await page.see('[data-user][data-status="offline"]', "Grace");

  // the server goes away in good order and comes back
  const before = await box(page, "main");
  assert.equal(await server.stop(), 0);
  await page.see(".badge-notice", "The connection was lost. Reconnecting…");
  const countdown = await page.see(".panel .countdown");
  await page.until((shown) => {
    const text = document.querySelector(".panel .countdown")?.textContent;
    return text !== undefined && text !== shown;
  }, countdown);
  assert.deepEqual(await box(page, "main"), before, "the page does not jump about");
  await keepPicture(page, { engine, of: "reconnecting" });
  await server.start();
  await page.see(connected);
  await page.see(".badge-notice", "You are connected again.");
  assert.notEqual(await page.see('[data-field="session"]'), sid);
  await page.see('[data-user][data-status="online"]', "Ada");

  // the buttons do what they say
  await page.click("button", "Disconnect");
  await page.see('.connection[data-status="disconnected"]');
  await page.click("button", "Reconnect now");
  await page.see(connected);
  assert.deepEqual(await page.errors(), []);
}

/** The server dies and comes back. */
async function deathStory(engine: BrowserEngine): Promise<void> {
  await using server = await startTether();
  await using page = await engine.newPage();
  await signInByForm(page, { url: server.url, name: "Linus" });
  const sid = await page.see('[data-field="session"]');
  await server.kill();
  await page.see('.connection[data-status="reconnecting"]');
  await server.start();
  await page.see(connected);
  assert.notEqual(await page.see('[data-field="session"]'), sid);
  await page.see('[data-user][data-status="online"]', "Linus");
  assert.deepEqual(await page.errors(), []);
}

/** Where an element is. */
function box(page: BrowserPage, selector: string): Promise<unknown> {
  return page.run(
    (selector) => document.querySelector(selector)!.getBoundingClientRect().toJSON(),
    selector,
  );
}
