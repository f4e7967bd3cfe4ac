/** The build cache of a built app: the snapshot that the build wrote, and its files on disk. */
import { isAbsolute, join } from "node:path";
import type { BuildCache, StaticFile } from "./build_cache.ts";
import { setBuildId } from "./build_id.ts";
import type { FsRouteFile } from "./fs_routes.ts";
import type { IslandRegistry } from "./render/island.ts";

/** Larger files are streamed from disk at every request. */
const MAX_CACHED_BYTES = 1024 * 1024;

export interface Snapshot<State> {
  version: string;
  clientEntry: string;
  fsRoutes: FsRouteFile<State>[];
  islands: IslandRegistry;
  imports: Map<string, string[]>;
  /** By decoded URL path. `filePath` is relative to the project. */
  staticFiles: Map<string, { filePath: string; hash: string; contentType: string }>;
}

export function createProductionCache<State>(root: string, snapshot: Snapshot<State>): BuildCache<State> {
  setBuildId(snapshot.version);
  // Bounded by the snapshot: what it names does not change while the server runs.
  const files = new Map<string, StaticFile>();

  async function readFile(pathname: string): Promise<StaticFile | null> {
    const known = files.get(pathname);
    if (known !== undefined) return known;
    const entry = snapshot.staticFiles.get(pathname);
    if (entry === undefined) return null;

    const { filePath, hash, contentType } = entry;
    const path = isAbsolute(filePath) ? filePath : join(root, filePath);
    const { size } = await Deno.stat(path);
    let bytes: Uint8Array<ArrayBuffer> | undefined;
    const read = size > MAX_CACHED_BYTES
      ? async () => (await Deno.open(path)).readable
      : async () => bytes ??= await Deno.readFile(path);
    const file = { hash, contentType, size, read };
    files.set(pathname, file);
    return file;
  }

  const { clientEntry, islands, imports, fsRoutes } = snapshot;
  return { root, clientEntry, islands, imports, fsRoutes, revision: null, readFile };
}
