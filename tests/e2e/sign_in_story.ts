/** How a person gets in over plain http and out again, with script and without. */
import assert from "node:assert/strict";
import type { BrowserEngine, BrowserPage } from "../support/browser_engine.ts";
import { startTcpProxy } from "../support/tcp_proxy.ts";
import { startTether, type TetherProcess } from "../support/tether_process.ts";

/** Signs in by the form, and waits for the connection. */
export async function signInByForm(
  page: BrowserPage,
  { url, name }: { url: string; name: string },
): Promise<void> {
  await page.open(url);
  await page.type("input[name=name]", name);
  await page.click("button", "Sign in");
  await page.see('.connection[data-status="connected"]');
}

const path = (page: BrowserPage): Promise<string> => page.run(() => location.pathname + location.search);

/** Plays the story, its two halves at the same time; throws where it goes wrong. */
export async function signInStory(engine: BrowserEngine): Promise<void> {
  await using server = await startTether({ env: { AUTH_DEMO: "true" } });
  await Promise.all([withScript(engine, server), withoutScript(engine, server)]);
}

async function withScript(engine: BrowserEngine, { url }: TetherProcess): Promise<void> {
  await using page = await engine.newPage();
  await page.open(url);
  assert.equal(await path(page), "/sign-in");
  assert.equal(await page.run(() => location.protocol), "http:");
  await seeStyle(page);
  await page.type("input[name=name]", "Ada\n");
  await page.see('.connection[data-status="connected"]');
  assert.equal(await page.see(".lead strong"), "Ada");
  await page.click("button", "Sign out");
  await page.see("input[name=name]");
  await page.open(url);
  assert.equal(await path(page), "/sign-in");
  assert.deepEqual(await page.errors(), []);
}

/** A browser that runs no script of the page, as it is told to by the page's policy on the way. */
async function withoutScript(engine: BrowserEngine, { port }: TetherProcess): Promise<void> {
  await using proxy = startTcpProxy(port);
  proxy.toClient.rewrite = (piece) => {
    const text = Array.from(piece, (byte) => String.fromCharCode(byte)).join("");
    const other = text.replace(/script-src [^;]*/, "script-src 'none'");
    return Uint8Array.from(other, (character) => character.charCodeAt(0));
  };
  await using page = await engine.newPage();
  await page.open(proxy.url);
  await seeStyle(page);
  await page.fill("input[name=name]", " ");
  await page.click("button", "Sign in");
  assert.equal(await page.see(".notice"), "Please give a name of 1 to 64 visible characters.");
  assert.match(await path(page), /^\/sign-in\?because=/);
  await page.type("input[name=name]", "Ada");
  await page.click("button", "Sign in");
  assert.equal(await page.see(".lead strong"), "Ada");
  assert.equal(await path(page), "/");
  assert.equal(await page.see(".badge-word"), "Starting", "no script runs");
}

/** The style sheet is there: the form looks like a card, and its button has the colour of the page's accent. */
async function seeStyle(page: BrowserPage): Promise<void> {
  const { radius, colour } = await page.run(() => ({
    radius: getComputedStyle(document.querySelector(".card")!).borderTopLeftRadius,
    colour: getComputedStyle(document.querySelector("button.primary")!).backgroundColor,
  }));
  assert.equal(radius, "10px");
  assert.match(colour, /^rgb\((31, 95, 191|125, 177, 255)\)$/, "in light or in dark");
}
