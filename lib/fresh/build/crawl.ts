/** Finds the routes and islands of a project by their place and name. It loads none of them. */
import { relative } from "node:path";
import type { FsRouteKind } from "../fs_routes.ts";
import { compareRoutes, pathToPattern } from "./path_to_pattern.ts";
import { listFiles } from "./walk.ts";
import type { ResolvedBuildConfig } from "./config.ts";

export interface FoundRoute {
  id: string;
  path: string;
  kind: FsRouteKind;
  pattern: string;
  routePattern: string;
}

const SCRIPT = /\.[tj]sx?$/;
const KINDS: Record<string, FsRouteKind> = {
  _app: "app",
  _middleware: "middleware",
  _layout: "layout",
  _error: "error",
  _500: "error",
  _404: "notFound",
};

/** Paths are absolute. Routes come in the order in which they are to be matched. */
export async function crawl(
  { routeDir, islandDir, ignore }: Pick<
    ResolvedBuildConfig,
    "routeDir" | "islandDir" | "ignore"
  >,
): Promise<{ routes: FoundRoute[]; islands: string[] }> {
  const isSource = (path: string) => SCRIPT.test(path) && !ignore.some((pattern) => pattern.test(path));
  const islands = (await listFiles(islandDir)).filter(isSource);
  const routes: FoundRoute[] = [];

  for (const path of (await listFiles(routeDir)).filter(isSource)) {
    // A folder "(_islands)" holds islands; any other "(_name)" holds neither islands nor routes.
    const [, privateFolder] = /\/\((_[^/)]+)\)\//.exec(path) ?? [];
    if (privateFolder === "_islands") islands.push(path);
    if (privateFolder === undefined) {
      routes.push(toRoute(path, relative(routeDir, path)));
    }
  }
  routes.sort((a, b) => compareRoutes(a.routePattern, b.routePattern));
  return { routes, islands };
}

function toRoute(path: string, file: string): FoundRoute {
  const id = new URL(file, "http://localhost/").pathname.slice(1).replace(SCRIPT, "");
  const slash = id.lastIndexOf("/");
  const folder = id.slice(0, Math.max(slash, 0));
  const name = id.slice(slash + 1);
  const kind = KINDS[name];
  if (kind !== undefined) {
    const pattern = folder === "" ? "/" : pathToPattern(folder, { keepGroups: true });
    return { id, path, kind, pattern, routePattern: pattern };
  }
  // The trailing slash keeps an index page inside its folder's segment.
  const pattern = pathToPattern(id, { keepGroups: true }) +
    (name === "index" && folder !== "" ? "/" : "");
  return { id, path, kind: "route", pattern, routePattern: pathToPattern(id, { keepGroups: false }) };
}
