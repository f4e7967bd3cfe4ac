/** What the generated `_fresh/server.js` imports. An app must not import it. */
export { setBuildCache } from "./app.ts";
export { createProductionCache } from "./production_cache.ts";
export { registerIslands } from "./render/island.ts";
