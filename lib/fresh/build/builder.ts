/** `Builder`: builds a project for production, or serves it for development. */
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { type App, setBuildCache } from "../app.ts";
import { createBuildCache } from "../build_cache.ts";
import { createBuildId } from "./build_id.ts";
import { bundleIslands } from "./bundle.ts";
import { findSources } from "./sources.ts";
import { writeProject } from "./write.ts";

export interface BuildOptions {
  /** The project's folder, with `main.ts`, `routes`, `islands` and `static`. Default: the working directory. */
  root?: string;
  /** Relative to the project. Default: "_fresh". */
  outDir?: string;
}

// deno-lint-ignore no-explicit-any -- the default that Fresh publishes
export class Builder<State = any> {
  readonly #root: string;
  readonly #outDir: string;

  constructor({ root = ".", outDir = "_fresh" }: BuildOptions = {}) {
    this.#root = resolve(root);
    this.#outDir = resolve(this.#root, outDir);
  }

  /** Writes what `deno serve _fresh/server.js` needs besides the project's sources. */
  async build(): Promise<void> {
    await this.#write(this.#outDir, { minify: true });
  }

  /** Serves the app. Run it with `deno run --watch`, which restarts it on a change: pages then reload by themselves. */
  async listen(
    importApp: () => Promise<{ app: App<State> }>,
    options: Deno.ServeTcpOptions = {},
  ): Promise<void> {
    const outDir = join(this.#outDir, "dev"), revision = crypto.randomUUID();
    await this.#write(outDir, { minify: false });
    const { app } = await importApp();
    const snapshot = await import(pathToFileURL(join(outDir, "snapshot.js")).href);
    setBuildCache(app, createBuildCache(this.#root, snapshot, revision), "development");
    const handle = app.handler();
    Deno.serve(options, (request, info) => {
      const isReload = new URL(request.url).pathname === "/_frsh/alive";
      return isReload ? revisionEvents(revision) : handle(request, info);
    });
  }

  async #write(outDir: string, { minify }: { minify: boolean }): Promise<void> {
    const root = this.#root, buildId = createBuildId();
    const sources = await findSources(root);
    const scripts = await bundleIslands(sources.islands, { root, buildId, minify });
    await writeProject({ ...sources, buildId, scripts }, { root, outDir });
  }
}

/** Tells a page which start of the server it meets; it connects again by itself, and reloads when that is another. */
function revisionEvents(revision: string): Response {
  const message = new TextEncoder().encode(`retry: 300\ndata: ${revision}\n\n`);
  const body = new ReadableStream<Uint8Array>({ start: (controller) => controller.enqueue(message) });
  return new Response(body, {
    headers: { "Content-Type": "text/event-stream", "Cache-Control": "no-store" },
  });
}
