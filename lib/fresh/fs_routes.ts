/** Turns the modules of the routes folder into what they register on an app. */
import type { Command } from "./commands.ts";
import type { RouteHandler } from "./handlers.ts";
import { withHandler } from "./route.ts";
import type { Middleware, Route, RouteComponent, RouteConfig } from "./types.ts";

export type FsRouteKind =
  | "app"
  | "middleware"
  | "layout"
  | "error"
  | "notFound"
  | "route";

export interface FsRouteModule<State> {
  config?: RouteConfig;
  handler?: RouteHandler<unknown, State> | Middleware<State>[];
  handlers?: RouteHandler<unknown, State> | Middleware<State>[];
  default?: RouteComponent<State> | Middleware<State> | Middleware<State>[];
}

export interface FsRouteFile<State> {
  /** Path inside the routes folder, for messages. */
  id: string;
  kind: FsRouteKind;
  /** Place in the segment tree; it keeps route groups. */
  pattern: string;
  /** URL pattern. */
  routePattern: string;
  mod: FsRouteModule<State>;
}

/** The files' commands: whatever applies to a folder comes before the routes in it. */
export function fsRouteCommands<State>(files: readonly FsRouteFile<State>[]): Command<State>[] {
  const commands = files.map(toCommand);
  return [
    ...commands.filter(({ type }) => type !== "route"),
    ...commands.filter(({ type }) => type === "route"),
  ];
}

function toCommand<State>({ id, kind, pattern, routePattern, mod }: FsRouteFile<State>): Command<State> {
  switch (kind) {
    case "middleware": {
      const exported = mod.handlers ?? mod.handler ?? mod.default;
      const middlewares = [exported].flat() as Middleware<State>[];
      if (middlewares.some((middleware) => typeof middleware !== "function")) {
        throw new TypeError(`A middleware file must export functions: ${id}`);
      }
      return { type: "middleware", pattern, middlewares };
    }
    case "layout":
      return { type: "layout", pattern, component: component(mod, id), config: mod.config };
    case "app":
      return { type: "app", component: component(mod, id) };
    case "error":
      return { type: "error", pattern, route: toFileRoute(mod, id) };
    case "notFound":
      return { type: "notFound", route: toFileRoute(mod, id) };
    case "route":
      return { type: "route", pattern, routePattern, route: toFileRoute(mod, id), isFile: true };
  }
}

function component<State>(mod: FsRouteModule<State>, id: string): RouteComponent<State> {
  if (typeof mod.default !== "function") {
    throw new TypeError(`A component must be the default export: ${id}`);
  }
  return mod.default as RouteComponent<State>;
}

function toFileRoute<State>(mod: FsRouteModule<State>, id: string): Route<State> {
  const handler = mod.handlers ?? mod.handler;
  if (handler === undefined && mod.default === undefined) {
    throw new TypeError(`A route file must export a component, handlers or both: ${id}`);
  }
  return withHandler({
    config: mod.config,
    handler: handler as RouteHandler<unknown, State> | undefined,
    component: mod.default as RouteComponent<State> | undefined,
  });
}
