/** What was registered on an app, in order, becomes a table of paths, each with all that runs for it. */
import type { ComponentType } from "preact";
import { checkFsRoute, type FsRouteFile } from "./fs_routes.ts";
import { routeMiddleware } from "./handlers.ts";
import type { Middleware } from "./middleware.ts";
import type { PageProps } from "./page_props.ts";
import { Router } from "./router.ts";

export type Command<State> =
  | { type: "use"; middlewares: Middleware<State>[] }
  | { type: "all"; pattern: string; middlewares: Middleware<State>[] }
  | { type: "fsRoutes" };

/** What runs for a path: the middlewares that stood before it, and the app wrapper that was known then. */
export interface Chain<State> {
  middlewares: readonly Middleware<State>[];
  app: ComponentType<PageProps<unknown, State>> | null;
}

interface RouteTable<State> {
  router: Router<Chain<State>>;
  /** What runs where nothing matches. */
  fallback: Chain<State>;
}

/** A chain is a copy of what applies at the moment of registration, so the order matters. */
export function createRouteTable<State>(
  commands: readonly Command<State>[],
  fsRoutes: readonly FsRouteFile<State>[],
): RouteTable<State> {
  const router = new Router<Chain<State>>();
  /** By folder, the outer ones first. */
  const folders: { folder: string; middlewares: Middleware<State>[] }[] = [{ folder: "/", middlewares: [] }];
  let app: Chain<State>["app"] = null;

  function chainAt(pattern: string, own: readonly Middleware<State>[] = []): Chain<State> {
    const outer = folders.filter(({ folder }) =>
      folder === "/" || pattern === folder || pattern.startsWith(`${folder}/`)
    );
    return { middlewares: [...outer.flatMap(({ middlewares }) => middlewares), ...own], app };
  }

  /** Whatever applies to a folder comes before the routes in it. */
  function addFiles(): void {
    fsRoutes.forEach(checkFsRoute);
    for (const file of fsRoutes) {
      if (file.kind === "app") app = file.mod.default;
      if (file.kind !== "middleware") continue;
      const middlewares = [file.mod.default].flat();
      if (file.pattern === "/") folders[0]!.middlewares.push(...middlewares);
      else folders.push({ folder: file.pattern, middlewares });
    }
    folders.sort((a, b) => a.folder.length - b.folder.length);
    for (const file of fsRoutes) {
      if (file.kind === "route") router.add(file.pattern, chainAt(file.pattern, [routeMiddleware(file.mod)]));
    }
  }

  for (const command of commands) {
    if (command.type === "use") folders[0]!.middlewares.push(...command.middlewares);
    else if (command.type === "all") {
      router.add(command.pattern, chainAt(command.pattern, command.middlewares));
    } else addFiles();
  }
  return { router, fallback: chainAt("/") };
}
