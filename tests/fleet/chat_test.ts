/** The chat page in two real windows, each on a node of its own. */
import { chatStory } from "../e2e/chat_story.ts";
import { startChromium } from "../support/browser_chromium.ts";
import { startFleet } from "../support/fleet.ts";

Deno.test("two people chat in two browsers on two nodes", async () => {
  const env = { AUTH_DEMO: "true", PRESENCE_GRACE_S: "0.5", EVENTS_PER_SECOND: "100" };
  await using fleet = await startFleet({ nodes: 2, env });
  await using engine = await startChromium();
  await chatStory(engine, { urls: [fleet.nodes[0]!.url, fleet.nodes[1]!.url] });
});
