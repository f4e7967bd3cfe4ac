/** The modules of the routes folder, and what they export. */
import type { ComponentType } from "preact";
import type { Route } from "./handlers.ts";
import type { Middleware } from "./middleware.ts";
import type { PageProps } from "./page_props.ts";

export type FsRouteFile<State> =
  & {
    /** Path inside the routes folder, for messages. */
    id: string;
    /** Pattern of the paths that it answers, or of the folder that it is for: "/" for all. */
    pattern: string;
  }
  & (
    | { kind: "app"; mod: { default: ComponentType<PageProps<unknown, State>> } }
    | { kind: "middleware"; mod: { default: Middleware<State> | Middleware<State>[] } }
    | { kind: "route"; mod: Route<State> }
  );

/** Throws when the file's export is not what its name says. */
export function checkFsRoute<State>({ id, kind, mod }: FsRouteFile<State>): void {
  const ok = kind === "route"
    ? mod.handler !== undefined || typeof mod.default === "function"
    : [mod.default].flat().every((exported) => typeof exported === "function");
  if (!ok) throw new TypeError(`Cannot use routes/${id} as ${kind}: it must export a function or handlers`);
}
