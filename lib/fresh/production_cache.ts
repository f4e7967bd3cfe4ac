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
  staticFiles: Map<
    string,
    { filePath: string; hash: string; contentType: string }
  >;
}

export function createProductionCache<State>(
  root: string,
  snapshot: Snapshot<State>,
): BuildCache<State> {
  setBuildId(snapshot.version);
  // Bounded by the snapshot: what it names does not change while the server runs.
  const loaded = new Map<string, StaticFile>();

  async function readFile(pathname: string): Promise<StaticFile | null> {
    const known = loaded.get(pathname);
    if (known !== undefined) return known;
    const entry = snapshot.staticFiles.get(pathname);
    if (entry === undefined) return null;

    const { filePath, hash, contentType } = entry;
    const path = isAbsolute(filePath) ? filePath : join(root, filePath);
    const { size } = await Deno.stat(path);
    if (size > MAX_CACHED_BYTES) {
      return { hash, contentType, size, body: lazyStream(path) };
    }
    const body = await Deno.readFile(path);
    const file = { hash, contentType, size: body.byteLength, body };
    loaded.set(pathname, file);
    return file;
  }

  const { clientEntry, islands, imports, fsRoutes } = snapshot;
  return {
    root,
    clientEntry,
    islands,
    imports,
    fsRoutes,
    revision: null,
    readFile,
  };
}

/** Opens the file only when it is read: most answers to a known file have no body. */
function lazyStream(path: string): ReadableStream<Uint8Array> {
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
  let started = false;
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      if (!started) {
        started = true;
        const file = await Deno.open(path);
        file.readable.pipeTo(writable).catch(() => {});
      }
      const reader = readable.getReader();
      const { done, value } = await reader.read();
      reader.releaseLock();
      if (done) controller.close();
      else controller.enqueue(value);
    },
    cancel: (reason) => readable.cancel(reason),
  }, { highWaterMark: 0 });
}
