/** `Builder`: builds a project for production, or serves it for development. */
import { emptyBuildCache } from "../build_cache.ts";
import { App, type ListenOptions, setBuildCache } from "../app.ts";
import { stopBundler } from "./bundle.ts";
import { type BuildOptions, resolveBuildConfig, type ResolvedBuildConfig } from "./config.ts";
import { liveReload } from "./live_reload.ts";
import { createMemoryCache } from "./memory_cache.ts";
import { buildProject, type BuiltProject } from "./project.ts";
import { writeProject } from "./write.ts";

// deno-lint-ignore no-explicit-any -- the default that Fresh publishes
export class Builder<State = any> {
  config: ResolvedBuildConfig;

  constructor(options: BuildOptions = {}) {
    this.config = resolveBuildConfig(options);
  }

  /** Serves the app from memory. Run it with `deno run --watch`, which restarts it on a change. */
  async listen(
    importApp: () => Promise<{ app: App<State> } | App<State>>,
    options: ListenOptions = {},
  ): Promise<void> {
    this.config.mode = "development";
    const project = await this.#build();
    const imported = await importApp();
    const app = imported instanceof App ? imported : imported.app;
    const cache = await createMemoryCache<State>(project, this.config);
    setBuildCache(app, cache, "development");

    const handler = app.handler();
    await new App<State>(app.config)
      .use(liveReload(cache.revision))
      .all("*", (ctx) => handler(ctx.req, ctx.info))
      .listen(options);
  }

  /**
   * Builds into `outDir`, or in memory. The function it gives applies a build in memory to an app of this
   * process, as tests do; what is on disk is run through its `server.js`.
   */
  async build(
    options: {
      mode?: "development" | "production";
      snapshot?: "disk" | "memory";
    } = {},
  ): Promise<(app: App<State>) => void> {
    const { mode = "production", snapshot = "disk" } = options;
    this.config.mode = mode;
    const project = await this.#build();
    if (snapshot === "memory") {
      const cache = await createMemoryCache<State>(project, this.config);
      return (app) => setBuildCache(app, cache, app.config.mode);
    }
    await writeProject(project, this.config);
    return (app) =>
      setBuildCache(app, { ...emptyBuildCache<State>(), root: this.config.root }, app.config.mode);
  }

  async #build(): Promise<BuiltProject> {
    try {
      return await buildProject(this.config);
    } finally {
      await stopBundler();
    }
  }
}
