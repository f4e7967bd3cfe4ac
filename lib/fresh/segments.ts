/**
 * The tree of path segments that carry middlewares, layouts and error pages. A route takes a copy of
 * what applies to it at the moment it is registered, so the order of registration matters.
 */
import type { Context, Ui } from "./context.ts";
import { HttpError } from "./error.ts";
import { renderRoute } from "./route.ts";
import type { Step } from "./middleware_chain.ts";
import type { LayoutConfig, MaybeLazyMiddleware, Middleware, Route, RouteComponent } from "./types.ts";

export interface Segment<State> {
  parent: Segment<State> | null;
  children: Map<string, Segment<State>>;
  middlewares: MaybeLazyMiddleware<State>[];
  layout: { component: RouteComponent<State>; config: LayoutConfig } | null;
  errorRoute: Route<State> | null;
  /** Only on the root. */
  app: RouteComponent<State> | null;
  /** Only on the root. */
  notFound: Middleware<State> | null;
}

export function createSegment<State>(parent: Segment<State> | null): Segment<State> {
  return {
    parent,
    children: new Map(),
    middlewares: [],
    layout: null,
    errorRoute: null,
    app: null,
    notFound: null,
  };
}

/** The segment at `path`, or its parent when the last part is only the name of a file. */
export function segmentAt<State>(
  root: Segment<State>,
  path: string,
  options: { includeLast: boolean },
): Segment<State> {
  if (path === "/" || path === "*" || path === "/*" || path === "") return root;
  const names = path.replace(/^\//, "").split("/");
  if (!options.includeLast) names.pop();
  let segment = root;
  for (const name of names) {
    if (name === "") continue;
    let child = segment.children.get(name);
    if (child === undefined) {
      child = createSegment(segment);
      segment.children.set(name, child);
    }
    segment = child;
  }
  return segment;
}

/** The steps from the root to `segment`, and the wrappers that apply at their end. */
export function stepsOf<State>(
  segment: Segment<State>,
): { steps: Step<State>[]; ui: Ui<State> } {
  const path: Segment<State>[] = [];
  for (let at: Segment<State> | null = segment; at !== null; at = at.parent) {
    path.unshift(at);
  }
  const root = path[0]!;

  const steps: Step<State>[] = [];
  let ui: Ui<State> = { app: null, layouts: [] };
  for (const at of path) {
    ui = wrap(ui, at);
    if (at === root || at.errorRoute !== null || at.layout !== null) {
      steps.push({ run: catchErrors(at.errorRoute, root), ui });
    }
    for (const run of at.middlewares) steps.push({ run, ui });
  }
  return { steps, ui };
}

function wrap<State>(ui: Ui<State>, { app, layout }: Segment<State>): Ui<State> {
  const wrapped = { app: app ?? ui.app, layouts: ui.layouts };
  if (layout === null) return wrapped;
  const { component, config } = layout;
  return {
    app: config.skipAppWrapper ? null : wrapped.app,
    layouts: config.skipInheritedLayouts ? [component] : [...wrapped.layouts, component],
  };
}

/** Renders the not-found page or this segment's error page for what is thrown below it. */
function catchErrors<State>(errorRoute: Route<State> | null, root: Segment<State>): Middleware<State> {
  return async function segmentErrors(ctx: Context<State>): Promise<Response> {
    try {
      return await ctx.next();
    } catch (error) {
      ctx.error = error;
      const status = error instanceof HttpError ? error.status : 500;
      if (status === 404 && root.notFound !== null) {
        return await root.notFound(ctx);
      }
      if (errorRoute !== null) {
        return await renderRoute(ctx, errorRoute, { status });
      }
      throw error;
    }
  };
}
