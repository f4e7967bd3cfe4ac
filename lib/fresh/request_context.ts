/** The context of one request, as an app makes it. */
import type { VNode } from "preact";
import type { BuildCache } from "./build_cache.ts";
import type { Context, ResolvedFreshConfig } from "./context.ts";
import { renderPage } from "./render/page.ts";
import type { Chain } from "./route_table.ts";

interface RequestInit<State> {
  config: ResolvedFreshConfig;
  url: URL;
  req: Request;
  info: Deno.ServeHandlerInfo;
  params: Record<string, string>;
  app: Chain<State>["app"];
  buildCache: BuildCache<State>;
}

/** What was built, for the middlewares of this package. */
export let getBuildCache: <State>(ctx: Context<State>) => BuildCache<State>;

export class RequestContext<State> implements Context<State> {
  readonly #init: RequestInit<State>;
  readonly config: ResolvedFreshConfig;
  readonly url: URL;
  readonly req: Request;
  readonly info: Deno.ServeHandlerInfo;
  readonly params: Record<string, string>;
  readonly state: State = {} as State;
  next: () => Promise<Response> = () => Promise.reject(new Error("Cannot go on: nothing runs yet"));

  static {
    getBuildCache = <State>(ctx: Context<State>) => (ctx as RequestContext<State>).#init.buildCache;
  }

  constructor(init: RequestInit<State>) {
    this.#init = init;
    this.config = init.config;
    this.url = init.url;
    this.req = init.req;
    this.info = init.info;
    this.params = init.params;
  }

  redirect(pathOrUrl: string, status = 302): Response {
    let location = pathOrUrl;
    if (location.startsWith("/")) {
      const [pathname = ""] = location.split(/[?#]/, 1);
      location = pathname.replaceAll(/\/+/g, "/") + location.slice(pathname.length);
    }
    return new Response(null, { status, headers: { location } });
  }

  // deno-lint-ignore no-explicit-any -- a page's props are its own
  async render(vnode: VNode<any> | null, init: ResponseInit = {}): Promise<Response> {
    const { app, buildCache } = this.#init;
    return await renderPage(vnode, { ctx: this, app, buildCache, init });
  }
}
