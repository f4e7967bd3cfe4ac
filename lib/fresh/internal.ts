/** What the generated `_fresh/server.js` imports. An app must not import it. */
export { setBuildCache } from "./app.ts";
export { createBuildCache } from "./build_cache.ts";
