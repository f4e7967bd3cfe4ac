/** The stories in Chromium. */
import { startChromium } from "../support/browser_chromium.ts";
import { testEngine } from "./engine_stories.ts";

testEngine(startChromium, { name: "Chromium" });
