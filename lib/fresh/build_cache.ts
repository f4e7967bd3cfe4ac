/** What a build hands to an app: its file routes, its islands and its files on disk. */
import { join } from "node:path";
import { setBuildId } from "./build_id.ts";
import type { FsRouteFile } from "./fs_routes.ts";
import type { IslandRegistry } from "./render/state.ts";

/** Larger files are streamed from disk at every request. */
const MAX_CACHED_BYTES = 1024 * 1024;

/** What `_fresh/snapshot.js` exports. */
interface Snapshot<State> {
  version: string;
  /** URL path of the script that hydrates islands. */
  clientEntry: string;
  fsRoutes: readonly FsRouteFile<State>[];
  islands: IslandRegistry;
  /** By decoded URL path. `filePath` is relative to the project; the entity tag is made of `hash`. */
  staticFiles: ReadonlyMap<string, { filePath: string; hash: string; contentType: string }>;
}

interface StaticFile {
  hash: string;
  size: number;
  contentType: string;
  /** Called only when the content is sent: most answers to a known file carry none. */
  read(): Promise<Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array>>;
}

export interface BuildCache<State> extends Pick<Snapshot<State>, "clientEntry" | "fsRoutes" | "islands"> {
  /** In development: pages reload when they meet another revision. */
  revision: string | null;
  /** Null when there is no such file. `pathname` is a decoded URL path. */
  readFile(pathname: string): Promise<StaticFile | null>;
}

/** What an app has when nothing was built. */
export function emptyBuildCache<State>(): BuildCache<State> {
  return {
    clientEntry: "",
    fsRoutes: [],
    islands: new Map(),
    revision: null,
    readFile: () => Promise.resolve(null),
  };
}

/** `root` is the absolute path of the project. */
export function createBuildCache<State>(
  root: string,
  { version, clientEntry, fsRoutes, islands, staticFiles }: Snapshot<State>,
  revision: string | null = null,
): BuildCache<State> {
  setBuildId(version);
  // bounded by the snapshot: what it names does not change while the server runs
  const files = new Map<string, StaticFile>();

  async function readFile(pathname: string): Promise<StaticFile | null> {
    const known = files.get(pathname);
    if (known !== undefined) return known;
    const entry = staticFiles.get(pathname);
    if (entry === undefined) return null;
    const { filePath, hash, contentType } = entry;
    const path = join(root, filePath);
    const { size } = await Deno.stat(path);
    let bytes: Uint8Array<ArrayBuffer> | undefined;
    const read = size > MAX_CACHED_BYTES
      ? async () => (await Deno.open(path)).readable
      : async () => bytes ??= await Deno.readFile(path);
    const file = { hash, contentType, size, read };
    files.set(pathname, file);
    return file;
  }

  return { clientEntry, fsRoutes, islands, revision, readFile };
}
