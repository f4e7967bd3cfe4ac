/** `App`: what an app registers, and the request handler made of it. */
import { STATUS_CODES } from "node:http";
import { type BuildCache, emptyBuildCache } from "./build_cache.ts";
import type { ResolvedFreshConfig } from "./context.ts";
import { HttpError } from "./error.ts";
import { type Middleware, runChain } from "./middleware.ts";
import { RequestContext } from "./request_context.ts";
import { type Command, createRouteTable } from "./route_table.ts";
import { METHODS } from "./router.ts";

export interface FreshConfig {
  /** Build `ctx.url` from `X-Forwarded-Proto` and `X-Forwarded-Host`. Default: false. */
  trustProxy?: boolean;
}

/** What a handler learns about a request that no server received. */
const NO_CONNECTION: Deno.ServeHandlerInfo<Deno.NetAddr> = {
  remoteAddr: { transport: "tcp", hostname: "localhost", port: 1234 },
  completed: Promise.resolve(),
};

/** Hands an app what was built for it. */
export let setBuildCache: <State>(
  app: App<State>,
  cache: BuildCache<State>,
  mode: ResolvedFreshConfig["mode"],
) => void;

export class App<State> {
  readonly #commands: Command<State>[] = [];
  #buildCache: BuildCache<State> = emptyBuildCache();
  readonly config: ResolvedFreshConfig;

  static {
    setBuildCache = (app, cache, mode) => {
      app.config.mode = mode;
      app.#buildCache = cache;
    };
  }

  constructor({ trustProxy = false }: FreshConfig = {}) {
    this.config = { mode: "production", trustProxy };
  }

  /** Adds middlewares for everything that is registered after them, and for what matches nothing. */
  use(...middlewares: Middleware<State>[]): this {
    this.#commands.push({ type: "use", middlewares });
    return this;
  }

  /** Adds middlewares for one path and every method. */
  all(pattern: string, ...middlewares: Middleware<State>[]): this {
    this.#commands.push({ type: "all", pattern, middlewares });
    return this;
  }

  /** Inserts the file routes at this place. */
  fsRoutes(): this {
    this.#commands.push({ type: "fsRoutes" });
    return this;
  }

  /** Builds the route table and gives the function that answers requests. */
  handler(): (request: Request, info?: Deno.ServeHandlerInfo) => Promise<Response> {
    const { config } = this, buildCache = this.#buildCache;
    const { router, fallback } = createRouteTable(this.#commands, buildCache.fsRoutes);

    return async function handle(req, info = NO_CONNECTION) {
      const url = requestUrl(req, config);
      // as in Fresh, a malformed "%" in a parameter ends here, outside of what answers for errors
      const { item, params } = router.match(url.pathname) ?? { item: fallback, params: {} };
      const { middlewares, app } = item;
      const ctx = new RequestContext<State>({ config, url, req, info, params, app, buildCache });
      try {
        if (item !== fallback && !METHODS.some((method) => method === req.method)) {
          throw new TypeError(`Cannot answer ${req.method}: no route has such a method`);
        }
        const response = await runChain(middlewares, { ctx, last: notFound });
        if (!(response instanceof Response)) {
          throw new TypeError(`A handler must return a Response, and returned ${response}`);
        }
        return req.method === "HEAD" ? new Response(null, response) : response;
      } catch (error) {
        return plainError(error);
      }
    };
  }
}

function requestUrl(req: Request, { trustProxy }: ResolvedFreshConfig): URL {
  const url = new URL(req.url);
  // a path that starts with two slashes would name another host in a redirect
  if (url.pathname.includes("//")) url.pathname = url.pathname.replaceAll(/\/+/g, "/");
  if (trustProxy) {
    const proto = req.headers.get("x-forwarded-proto");
    const host = req.headers.get("x-forwarded-host");
    // what is no scheme or no host, as a list of them, changes nothing
    if (proto) url.protocol = `${proto}:`;
    if (host) url.host = host;
  }
  return url;
}

function notFound(): Promise<Response> {
  return Promise.reject(new HttpError(404));
}

/** The answer to an error that nothing caught: its status, and no detail of a failure. */
function plainError(error: unknown): Response {
  if (!(error instanceof HttpError) || error.status >= 500) console.error(error);
  return error instanceof HttpError
    ? new Response(error.message || STATUS_CODES[error.status], { status: error.status })
    : new Response("Internal server error", { status: 500 });
}
