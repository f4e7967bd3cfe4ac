/** `App`: what an app registers, and the request handler made of it. */
import { STATUS_CODES } from "node:http";
import { type BuildCache, emptyBuildCache } from "./build_cache.ts";
import { applyCommands, type Command, joinPath, toRoute } from "./commands.ts";
import { type FreshConfig, resolveConfig, type ResolvedFreshConfig } from "./config.ts";
import { Context, type WebSocketHandlers } from "./context.ts";
import { HttpError } from "./error.ts";
import { fsRouteCommands } from "./fs_routes.ts";
import { type ListenOptions, serve } from "./listen.ts";
import { type Method, METHODS, Router } from "./router.ts";
import { runSteps, type Step } from "./middleware_chain.ts";
import type {
  LayoutConfig,
  MaybeLazy,
  MaybeLazyMiddleware,
  Middleware,
  Route,
  RouteComponent,
  RouteConfig,
} from "./types.ts";

export type { ListenOptions } from "./listen.ts";

/** What a handler learns about a request that no server received. */
const NO_CONNECTION: Deno.ServeHandlerInfo<Deno.NetAddr> = {
  remoteAddr: { transport: "tcp", hostname: "localhost", port: 1234 },
  completed: Promise.resolve(),
};

/** Hands an app what was built for it. */
export let setBuildCache: <State>(
  app: App<State>,
  cache: BuildCache<State>,
  mode: "development" | "production",
) => void;

export class App<State> {
  readonly #commands: Command<State>[] = [];
  #buildCache: () => BuildCache<State> | null = () => null;

  static {
    setBuildCache = (app, cache, mode) => {
      app.config.root = cache.root;
      app.config.mode = mode;
      app.#buildCache = () => cache;
    };
  }

  config: ResolvedFreshConfig;

  constructor(config: FreshConfig = {}) {
    this.config = resolveConfig(config);
  }

  /** Adds middlewares for everything that is registered after them, below `path`. */
  use(...middleware: MaybeLazyMiddleware<State>[]): this;
  use(path: string, ...middleware: MaybeLazyMiddleware<State>[]): this;
  use(first: string | MaybeLazyMiddleware<State>, ...rest: MaybeLazyMiddleware<State>[]): this {
    return typeof first === "string"
      ? this.#add({ type: "middleware", pattern: first, middlewares: rest })
      : this.#add({ type: "middleware", pattern: "*", middlewares: [first, ...rest] });
  }

  /** Sets what answers when nothing matches. */
  notFound(routeOrMiddleware: Route<State> | Middleware<State>): this {
    return this.#add({ type: "notFound", route: toRoute(routeOrMiddleware) });
  }

  /** Sets what answers when something below `path` throws. */
  onError(path: string, routeOrMiddleware: Route<State> | Middleware<State>): this {
    return this.#add({ type: "error", pattern: path, route: toRoute(routeOrMiddleware) });
  }

  /** Sets the component that renders the whole document. */
  appWrapper(component: RouteComponent<State>): this {
    return this.#add({ type: "app", component });
  }

  /** Sets the layout of the pages below `path`. */
  layout(path: string, component: RouteComponent<State>, config?: LayoutConfig): this {
    return this.#add({ type: "layout", pattern: path, component, config });
  }

  /** Adds a page. */
  route(path: string, route: MaybeLazy<Route<State>>, config?: RouteConfig): this {
    return this.#add({ type: "route", pattern: path, route, config });
  }

  get(path: string, ...middlewares: MaybeLazy<Middleware<State>>[]): this {
    return this.#handle(["GET"], path, middlewares);
  }

  post(path: string, ...middlewares: MaybeLazy<Middleware<State>>[]): this {
    return this.#handle(["POST"], path, middlewares);
  }

  patch(path: string, ...middlewares: MaybeLazy<Middleware<State>>[]): this {
    return this.#handle(["PATCH"], path, middlewares);
  }

  put(path: string, ...middlewares: MaybeLazy<Middleware<State>>[]): this {
    return this.#handle(["PUT"], path, middlewares);
  }

  delete(path: string, ...middlewares: MaybeLazy<Middleware<State>>[]): this {
    return this.#handle(["DELETE"], path, middlewares);
  }

  head(path: string, ...middlewares: MaybeLazy<Middleware<State>>[]): this {
    return this.#handle(["HEAD"], path, middlewares);
  }

  /** Adds middlewares for every method. */
  all(path: string, ...middlewares: MaybeLazy<Middleware<State>>[]): this {
    return this.#handle(METHODS, path, middlewares);
  }

  /** Accepts WebSocket connections. */
  ws(path: string, handlers: WebSocketHandlers): this {
    return this.get(path, (ctx: Context<State>) => ctx.upgrade(handlers));
  }

  /** Inserts the file routes at this place. */
  fsRoutes(pattern = "*"): this {
    const commands = () => fsRouteCommands(this.#buildCache()?.fsRoutes ?? []);
    return this.#add({ type: "fsRoutes", pattern, commands });
  }

  /** Adds everything that is registered on another app, below `path`. */
  mountApp(path: string, app: App<State>): this {
    const base = app.config.basePath === path ? path : joinPath(path, app.config.basePath);
    for (const command of app.#commands) {
      this.#commands.push(
        "pattern" in command
          ? { ...command, pattern: joinPath(base, command.pattern, { mounting: true }) }
          : command,
      );
    }
    app.#buildCache = () => this.#buildCache();
    return this;
  }

  /** Builds the route table and gives the function that answers requests. */
  handler(): (request: Request, info?: Deno.ServeHandlerInfo) => Promise<Response> {
    const buildCache = this.#buildCache() ?? emptyBuildCache<State>();
    const router = new Router<Step<State>>();
    const { config } = this;
    const rootSteps = applyCommands(router, { commands: this.#commands, basePath: config.basePath });

    return async function handle(req, info = NO_CONNECTION) {
      const url = requestUrl(req, config);
      const { pattern, params, items, allowed } = router.match(req.method, url.pathname);
      const last = items.length > 0 || pattern === null ? notFound : () => methodMissing(req.method, allowed);
      const ctx = new Context<State>({
        req,
        url,
        info,
        route: pattern,
        params,
        config,
        buildCache,
        next: last,
      });
      try {
        const response = await runSteps(items.length > 0 ? items : rootSteps, { ctx, last });
        if (!(response instanceof Response)) {
          throw new TypeError(`A handler must return a Response, and returned ${response}`);
        }
        return req.method === "HEAD" && response.body !== null ? new Response(null, response) : response;
      } catch (error) {
        return plainError(error);
      }
    };
  }

  /** Serves the app, on the first free port from 8000 when none is given. */
  async listen(options: ListenOptions = {}): Promise<void> {
    await serve(this.handler(), { options, basePath: this.config.basePath });
  }

  #handle(methods: readonly Method[], pattern: string, middlewares: MaybeLazy<Middleware<State>>[]): this {
    return this.#add({ type: "handler", pattern, methods, middlewares });
  }

  #add(command: Command<State>): this {
    this.#commands.push(command);
    return this;
  }
}

function requestUrl(req: Request, config: ResolvedFreshConfig): URL {
  const url = new URL(req.url);
  // A path that starts with two slashes would name another host in a redirect.
  if (url.pathname.includes("//")) {
    url.pathname = url.pathname.replaceAll(/\/{2,}/g, "/");
  }
  if (config.trustProxy) {
    const proto = firstOf(req.headers.get("x-forwarded-proto"));
    const host = firstOf(req.headers.get("x-forwarded-host"));
    if (proto !== undefined) url.protocol = `${proto}:`;
    if (host !== undefined) url.host = host;
  }
  return url;
}

/** Every proxy on the way appends to the list; the first one saw the client. */
function firstOf(header: string | null): string | undefined {
  return header?.split(",", 1)[0]?.trim();
}

function notFound(): Promise<Response> {
  return Promise.reject(new HttpError(404));
}

function methodMissing(method: string, allowed: readonly string[]): Promise<Response> {
  return method === "OPTIONS"
    ? Promise.resolve(new Response(null, { status: 204, headers: { Allow: allowed.join(", ") } }))
    : Promise.reject(new HttpError(405));
}

/** The answer to an error that no error page took: its status, and no detail of a failure. */
function plainError(error: unknown): Response {
  if (error instanceof HttpError) {
    if (error.status >= 500) console.error(error);
    return new Response(error.message || STATUS_CODES[error.status], { status: error.status });
  }
  console.error(error);
  return new Response("Internal server error", { status: 500 });
}
