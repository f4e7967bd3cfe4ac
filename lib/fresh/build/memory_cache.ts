/** The build cache of the development server: scripts from memory, static files as they are on disk now. */
import { pathToFileURL } from "node:url";
import type { BuildCache, StaticFile } from "../build_cache.ts";
import { setBuildId } from "../build_id.ts";
import type { FsRouteFile, FsRouteModule } from "../fs_routes.ts";
import { type IslandRegistry, registerIslands } from "../render/island.ts";
import type { BuiltProject } from "./project.ts";
import type { ResolvedBuildConfig } from "./config.ts";
import { sha256 } from "./hash.ts";
import { contentType } from "./media_types.ts";
import { staticPath } from "./static_dir.ts";

/** Loads the routes and islands. */
export async function createMemoryCache<State>(
  project: BuiltProject,
  config: ResolvedBuildConfig,
): Promise<BuildCache<State>> {
  setBuildId(project.buildId);
  const islands: IslandRegistry = new Map();
  for (const { path, name, file } of project.islands) {
    registerIslands(islands, { mod: await importFile(path), file, name });
  }
  const fsRoutes: FsRouteFile<State>[] = [];
  for (const { path, ...route } of project.routes) {
    fsRoutes.push({ ...route, mod: await importFile(path) as FsRouteModule<State> });
  }

  async function readFile(pathname: string): Promise<StaticFile | null> {
    const script = project.scripts.get(pathname);
    if (script !== undefined) return await toFile(pathname, script);
    const path = staticPath(config.staticDir, pathname);
    if (path === null) return null;
    try {
      return await toFile(path, await Deno.readFile(path));
    } catch {
      return null;
    }
  }

  const { clientEntry, imports } = project;
  const revision = config.mode === "development" ? crypto.randomUUID() : null;
  return { root: config.root, clientEntry, revision, islands, imports, fsRoutes, readFile };
}

function importFile(path: string): Promise<Record<string, unknown>> {
  return import(pathToFileURL(path).href);
}

async function toFile(path: string, body: Uint8Array<ArrayBuffer>): Promise<StaticFile> {
  return {
    read: () => Promise.resolve(body),
    size: body.byteLength,
    hash: await sha256(body),
    contentType: contentType(path),
  };
}
