/** The public face of the build side, `fresh/dev`. Only an app's `dev.ts` may reach it: it brings the bundler. */
export { Builder } from "./build/builder.ts";
export type { BuildOptions, ResolvedBuildConfig } from "./build/config.ts";
