/** What was registered on an app, in order, and how it becomes the route table. */
import { type Method, METHODS, type Router } from "./router.ts";
import { isHandlerByMethod } from "./handlers.ts";
import { renderRoute, withHandler } from "./route.ts";
import { createSegment, type Segment, segmentAt, stepsOf } from "./segments.ts";
import type { Step } from "./middleware_chain.ts";
import type {
  LayoutConfig,
  MaybeLazy,
  MaybeLazyMiddleware,
  Middleware,
  Route,
  RouteComponent,
  RouteConfig,
} from "./types.ts";

export type Command<State> =
  | {
    type: "middleware";
    pattern: string;
    middlewares: MaybeLazyMiddleware<State>[];
  }
  | {
    type: "layout";
    pattern: string;
    component: RouteComponent<State>;
    config?: LayoutConfig;
  }
  | { type: "error"; pattern: string; route: Route<State> }
  | {
    type: "handler";
    pattern: string;
    methods: readonly Method[];
    middlewares: MaybeLazy<Middleware<State>>[];
  }
  | RouteCommand<State>
  | { type: "fsRoutes"; pattern: string; commands: () => Command<State>[] }
  | { type: "app"; component: RouteComponent<State> }
  | { type: "notFound"; route: Route<State> };

export interface RouteCommand<State> {
  type: "route";
  /** Place in the segment tree. */
  pattern: string;
  /** What the router matches, when it differs from the place in the tree. */
  routePattern?: string;
  route: MaybeLazy<Route<State>>;
  config?: RouteConfig;
  /** Whether the last part of the pattern is only the name of a file. */
  isFile?: boolean;
}

/** A route from what `onError` and `notFound` accept. */
export function toRoute<State>(routeOrMiddleware: Route<State> | Middleware<State>): Route<State> {
  return withHandler(
    typeof routeOrMiddleware === "function" ? { handler: routeOrMiddleware } : routeOrMiddleware,
  );
}

/** Fills the router and gives the steps that run when no route matches. */
export function applyCommands<State>(
  router: Router<Step<State>>,
  options: { commands: readonly Command<State>[]; basePath: string },
): readonly Step<State>[] {
  const root = createSegment<State>(null);
  apply({ root, router, ...options });
  return stepsOf(root).steps;
}

interface Table<State> {
  root: Segment<State>;
  router: Router<Step<State>>;
  commands: readonly Command<State>[];
  basePath: string;
}

function apply<State>({ root, router, commands, basePath }: Table<State>): void {
  const at = (pattern: string, includeLast = true) => segmentAt(root, pattern, { includeLast });

  for (const command of commands) {
    switch (command.type) {
      case "middleware":
        at(command.pattern).middlewares.push(...command.middlewares);
        break;
      case "layout":
        at(command.pattern).layout = { component: command.component, config: command.config ?? {} };
        break;
      case "error":
        at(command.pattern).errorRoute = command.route;
        break;
      case "app":
        root.app = command.component;
        break;
      case "notFound":
        root.notFound = (ctx) => renderRoute(ctx, command.route, { status: 404 });
        break;
      case "handler": {
        const { steps, ui } = stepsOf(at(command.pattern));
        for (const run of command.middlewares) {
          steps.push({ run: run as MaybeLazyMiddleware<State>, ui });
        }
        add(router, { methods: command.methods, pattern: joinPath(basePath, command.pattern), steps });
        break;
      }
      case "route":
        addRoute(command, { segment: at(command.pattern, !command.isFile), router, basePath });
        break;
      case "fsRoutes":
        apply({
          root,
          router,
          commands: command.commands(),
          basePath: joinPath(basePath, command.pattern, { mounting: true }),
        });
        break;
    }
  }
}

function addRoute<State>(
  command: RouteCommand<State>,
  { segment, router, basePath }: {
    segment: Segment<State>;
    router: Router<Step<State>>;
    basePath: string;
  },
): void {
  const { route, config } = command;
  const { steps, ui } = stepsOf(segment);
  let methods: readonly Method[] = METHODS;
  let override = config?.routeOverride;
  let load: () => Promise<Route<State>>;

  if (typeof route === "function") {
    let loading: Promise<Route<State>> | undefined;
    load = () => loading ??= route().then(withHandler);
    if (Array.isArray(config?.methods)) methods = config.methods;
  } else {
    const ready = withHandler(route);
    load = () => Promise.resolve(ready);
    override ??= ready.config?.routeOverride;
    // A file answers every method, a 404 where it has no handler, so that the next route may follow.
    if (
      (!command.isFile || override !== undefined) &&
      isHandlerByMethod(ready.handler)
    ) {
      methods = Object.keys(ready.handler) as Method[];
    }
  }

  steps.push({ run: async (ctx) => renderRoute(ctx, await load()), ui });
  add(router, {
    methods,
    pattern: joinPath(basePath, override ?? command.routePattern ?? command.pattern),
    steps,
  });
}

function add<State>(
  router: Router<Step<State>>,
  { methods, pattern, steps }: {
    methods: readonly Method[];
    pattern: string;
    steps: readonly Step<State>[];
  },
): void {
  for (const method of methods) router.add(method, pattern || "*", steps);
}

/** Joins a base path and a pattern; a mounting point "*" stands for the base itself. */
export function joinPath(base: string, pattern: string, options: { mounting?: boolean } = {}): string {
  const prefix = base.replace(/\*$/, "").replace(/\/$/, "");
  if (pattern === "*") return options.mounting ? prefix : `${prefix}/*`;
  return prefix !== "" && pattern === "/" ? prefix : prefix + pattern;
}
