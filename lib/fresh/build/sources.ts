/** Finds the routes, islands and static files of a project by their place and name. It loads none of them. */
import { join, relative, sep } from "node:path";
import { compareRoutes, pathToPattern } from "./route_pattern.ts";

interface RouteSource {
  id: string;
  path: string;
  kind: "app" | "middleware" | "route";
  pattern: string;
}

export interface IslandSource {
  path: string;
  /** Unique among the islands. */
  name: string;
}

export interface StaticSource {
  path: string;
  /** Decoded URL path. */
  pathname: string;
}

export interface Sources {
  /** In the order in which they are to be matched. */
  routes: RouteSource[];
  islands: IslandSource[];
  staticFiles: StaticSource[];
}

const SCRIPT = /\.[tj]sx?$/;

/** `root` and the paths in the answer are absolute. */
export async function findSources(root: string): Promise<Sources> {
  const [routes, islands, staticFiles] = await Promise.all(
    ["routes", "islands", "static"].map((folder) => listFiles(join(root, folder))),
  );
  return {
    routes: routes!.filter(({ name }) => SCRIPT.test(name)).map(toRoute)
      .sort((a, b) => compareRoutes(a.pattern, b.pattern)),
    islands: islands!.filter(({ name }) => SCRIPT.test(name)).map(({ path, name }) => ({
      path,
      name: name.replace(SCRIPT, "").replaceAll(/\W/g, "_"),
    })),
    // hidden files are left out, except below ".well-known"
    staticFiles: staticFiles!.filter(({ name }) => !/(^|\/)\.(?!well-known\/)/.test(name))
      .map(({ path, name }) => ({ path, pathname: `/${name}` })),
  };
}

function toRoute({ path, name }: SourceFile): RouteSource {
  const id = name.replace(SCRIPT, "");
  const [, folder = "", special] = /^(?:(.*)\/)?_(\w+)$/.exec(id) ?? [];
  if (special === undefined) return { id, path, kind: "route", pattern: pathToPattern(id) };
  if (special === "middleware") return { id, path, kind: special, pattern: pathToPattern(folder) };
  if (id === "_app") return { id, path, kind: "app", pattern: "/" };
  throw new SyntaxError(`Cannot use routes/${name}: the stand-in for Fresh has no such file`);
}

interface SourceFile {
  path: string;
  /** Relative to the folder, with "/" between its parts. */
  name: string;
}

/** The files below a folder, sorted, so that a build of the same files is the same build. */
async function listFiles(dir: string): Promise<SourceFile[]> {
  try {
    const paths: string[] = [];
    for await (const entry of Deno.readDir(dir)) {
      const path = join(dir, entry.name);
      if (entry.isDirectory) paths.push(...(await listFiles(path)).map(({ path }) => path));
      else if (entry.isFile) paths.push(path);
    }
    return paths.sort().map((path) => ({ path, name: relative(dir, path).replaceAll(sep, "/") }));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}
