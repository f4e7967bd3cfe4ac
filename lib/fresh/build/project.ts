/** Builds a project: finds its files and bundles its islands. It writes nothing. */
import { bundleIslands } from "./bundle.ts";
import type { ResolvedBuildConfig } from "./config.ts";
import { crawl, type FoundRoute } from "./crawl.ts";
import { readStaticDir, type StaticEntry } from "./static_dir.ts";

export interface BuiltIsland {
  path: string;
  /** Name of its default export. */
  name: string;
  /** URL path of its script. */
  file: string;
}

export interface BuiltProject {
  buildId: string;
  /** URL path of the hydration runtime. */
  clientEntry: string;
  routes: FoundRoute[];
  islands: BuiltIsland[];
  /** The scripts that a script imports, all the way down; by URL path. */
  imports: Map<string, string[]>;
  /** By URL path. */
  scripts: Map<string, Uint8Array<ArrayBuffer>>;
  staticFiles: StaticEntry[];
}

export async function buildProject(config: ResolvedBuildConfig): Promise<BuiltProject> {
  const [{ routes, islands }, staticFiles] = await Promise.all([
    crawl(config),
    readStaticDir(config.staticDir),
  ]);
  const { root, target } = config;
  const salt = staticFiles.map(({ pathname, hash }) => `${pathname} ${hash}`)
    .join("\n");
  const bundle = await bundleIslands({ root, islands, target, minify: config.mode === "production" }, salt);

  const url = (name: string) => `/_fresh/js/${bundle.buildId}/${name}`;
  return {
    buildId: bundle.buildId,
    clientEntry: url(bundle.clientEntry),
    routes,
    islands: islands.map((path, i) => {
      const file = bundle.islandFiles[i]!;
      return { path, name: file.replace(/\.js$/, ""), file: url(file) };
    }),
    imports: new Map(Array.from(bundle.imports, ([name, imported]) => [url(name), imported.map(url)])),
    scripts: new Map(Array.from(bundle.files, ([name, content]) => [url(name), content])),
    staticFiles,
  };
}
