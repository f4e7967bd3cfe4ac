/** The stories in WebKit. */
import { startWebKit } from "../support/browser_webkit.ts";
import { testEngine } from "./engine_stories.ts";

testEngine(startWebKit, { name: "WebKit", canGoOffline: false });
