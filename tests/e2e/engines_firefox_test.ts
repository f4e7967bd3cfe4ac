/** The stories in Firefox. */
import { startFirefox } from "../support/browser_firefox.ts";
import { testEngine } from "./engine_stories.ts";

testEngine(startFirefox, { name: "Firefox" });
