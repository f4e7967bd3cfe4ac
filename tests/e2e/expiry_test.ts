/** A token that runs out in the middle of a connection: a new one takes its place, and nobody notices. */
import assert from "node:assert/strict";
import { startBrowser } from "../support/browser.ts";
import { startTether } from "../support/tether_process.ts";
import { field, signIn, visit } from "./support.ts";

Deno.test("a session outlives its tokens without a reconnection", async () => {
  await using server = await startTether({
    env: { JWT_EXPIRES_IN: "8s", JWT_CLOCK_TOLERANCE: "0", AUTH_EXPIRY_NOTICE_S: "4" },
  });
  await using browser = await startBrowser();
  const context = await browser.newContext();
  await signIn(context, server.url, "Ada");
  const ada = await visit(context, server.url);
  const sid = await field(ada.page, "session");

  // when the third token comes, the first has run out
  for (const _ of ["second", "third"]) {
    await ada.page.waitForResponse((answer) => answer.ok() && answer.url().endsWith("/api/auth/refresh"));
  }
  // the answer to a heartbeat proves that the server still takes the session for one
  const beaten = ada.page.waitForFunction(
    (samples) => document.querySelector(".sparkline")?.getAttribute("aria-label") !== samples,
    await ada.page.locator(".sparkline").getAttribute("aria-label"),
  );
  await ada.page.evaluate(() => dispatchEvent(new Event("online")));
  await beaten;
  assert.equal(await field(ada.page, "session"), sid);
  assert.equal(ada.states.filter(({ status }) => status !== "connected").at(-1)?.status, "connecting");
  const metrics = await (await fetch(`${server.url}/metrics`)).text();
  assert.match(metrics, /^tether_handshakes_total\{code="ok"\} 1$/m);
  assert.deepEqual(ada.errors, []);
});
