/** What a build hands to an app: its file routes, its islands and its files. */
import type { FsRouteFile } from "./fs_routes.ts";
import type { IslandRegistry } from "./render/island.ts";

export interface StaticFile {
  /** Content hash; the entity tag is made of it. */
  hash: string;
  size: number;
  contentType: string;
  /** Called only when the content is sent: most answers to a known file carry none. */
  read(): Promise<Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array>>;
}

export interface BuildCache<State> {
  /** Absolute path of the project. */
  root: string;
  /** URL path of the script that hydrates islands. */
  clientEntry: string;
  /** In development: pages reload when they meet another revision. */
  revision: string | null;
  islands: IslandRegistry;
  /** The scripts that a script imports, all the way down; by URL path. */
  imports: ReadonlyMap<string, readonly string[]>;
  fsRoutes: readonly FsRouteFile<State>[];
  /** Null when there is no such file. `pathname` is a decoded URL path without its base path. */
  readFile(pathname: string): Promise<StaticFile | null>;
}

/** What an app has when nothing was built: no file, no island. */
export function emptyBuildCache<State>(): BuildCache<State> {
  return {
    root: ".",
    clientEntry: "",
    revision: null,
    islands: new Map(),
    imports: new Map(),
    fsRoutes: [],
    readFile: () => Promise.resolve(null),
  };
}
