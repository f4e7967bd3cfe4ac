/** What an app's `dev.ts` imports as `fresh/dev`; nothing else may, because it brings the bundler. */
export { Builder, type BuildOptions } from "./build/builder.ts";
