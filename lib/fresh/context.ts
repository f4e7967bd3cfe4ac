/** What every middleware, handler and page receives: one request and the ways to answer it. */
import type { FunctionComponent, VNode } from "preact";
import type { BuildCache } from "./build_cache.ts";
import type { ResolvedFreshConfig } from "./config.ts";
import { HttpError } from "./error.ts";
import { renderPage } from "./render/page.ts";
import type { LayoutConfig, RouteComponent } from "./types.ts";

/** Query parameter of a request that asks for a part of a page. */
const PARTIAL_SEARCH_PARAM = "fresh-partial";

/** @deprecated Use {@linkcode Context}. */
export type FreshContext<State = unknown> = Context<State>;

/** What wraps a page at one place of the route tree. */
export interface Ui<State> {
  app: RouteComponent<State> | null;
  /** Outermost first. */
  layouts: readonly RouteComponent<State>[];
}

export interface WebSocketHandlers {
  open?(socket: WebSocket): void;
  message?(socket: WebSocket, event: MessageEvent): void;
  close?(socket: WebSocket, code: number, reason: string): void;
  error?(socket: WebSocket, event: Event | ErrorEvent): void;
}

export interface WebSocketUpgradeOptions {
  /** Seconds without a ping after which the connection is closed. */
  idleTimeout?: number;
  /** The sub-protocol to answer with. */
  protocol?: string;
}

interface ContextInit<State> {
  req: Request;
  url: URL;
  info: Deno.ServeHandlerInfo;
  route: string | null;
  params: Record<string, string>;
  config: ResolvedFreshConfig;
  buildCache: BuildCache<State>;
  next: () => Promise<Response>;
}

/** The wrappers that apply where `ctx` is now. */
export let getUi: <State>(ctx: Context<State>) => Ui<State>;
export let setUi: <State>(ctx: Context<State>, ui: Ui<State>) => void;
export let getBuildCache: <State>(ctx: Context<State>) => BuildCache<State>;

export class Context<State> {
  #ui: Ui<State> = { app: null, layouts: [] };
  readonly #buildCache: BuildCache<State>;

  readonly config: ResolvedFreshConfig;
  /** The requested URL, with repeated slashes collapsed. */
  readonly url: URL;
  req: Request;
  /** The pattern that matched. */
  readonly route: string | null;
  /** Decoded parameters of the pattern; an absent optional one is "". */
  readonly params: Record<string, string>;
  /** Shared by everything that handles this request. */
  readonly state: State = {} as State;
  /** What the handler gave to the page. */
  data: unknown = undefined;
  /** What was thrown, in an error page. */
  error: unknown | null = null;
  readonly info: Deno.ServeHandlerInfo;
  readonly isPartial: boolean;
  /** Calls the next middleware. */
  next: () => Promise<Response>;
  /** What a layout or app wrapper wraps. */
  Component!: FunctionComponent;

  static {
    getUi = (ctx) => ctx.#ui;
    setUi = (ctx, ui) => {
      ctx.#ui = ui;
    };
    getBuildCache = (ctx) => ctx.#buildCache;
  }

  constructor(init: ContextInit<State>) {
    this.req = init.req;
    this.url = init.url;
    this.info = init.info;
    this.route = init.route;
    this.params = init.params;
    this.config = init.config;
    this.next = init.next;
    this.#buildCache = init.buildCache;
    this.isPartial = init.url.search !== "" &&
      init.url.searchParams.has(PARTIAL_SEARCH_PARAM);
  }

  /** Redirects. A path that a browser would read as another host's stays on this site. */
  redirect(pathOrUrl: string, status = 302): Response {
    let location = pathOrUrl;
    if (pathOrUrl.startsWith("/")) {
      const [pathname = ""] = pathOrUrl.split(/[?#]/, 1);
      location = pathname.replaceAll(/[\\/\t\r\n]{2,}/g, "/") +
        pathOrUrl.slice(pathname.length);
    }
    return new Response(null, { status, headers: { location } });
  }

  /** Renders JSX into the layouts and the app wrapper that apply here. */
  render(
    // deno-lint-ignore no-explicit-any -- a page's props are its own
    vnode: VNode<any> | null,
    init: ResponseInit = {},
    config: LayoutConfig = {},
  ): Promise<Response> {
    return renderPage(this, vnode, { init, config, ui: this.#ui, buildCache: this.#buildCache });
  }

  /** Answers with plain text. */
  text(content: string, init?: ResponseInit): Response {
    return new Response(content, init);
  }

  /** Answers with HTML. */
  html(content: string, init?: ResponseInit): Response {
    const headers = new Headers(init?.headers);
    headers.set("Content-Type", "text/html; charset=utf-8");
    return new Response(content, { ...init, headers });
  }

  /** Answers with JSON. */
  json(content: unknown, init?: ResponseInit): Response {
    return Response.json(content, init);
  }

  /** Answers with chunks as they come. */
  stream<U extends string | Uint8Array>(
    stream:
      | Iterable<U>
      | AsyncIterable<U>
      | (() => Iterable<U> | AsyncIterable<U>),
    init?: ResponseInit,
  ): Response {
    const encoder = new TextEncoder();
    const chunks = ReadableStream.from<U>(typeof stream === "function" ? stream() : stream);
    const bytes = new TransformStream<U, Uint8Array>({
      transform(chunk, controller) {
        controller.enqueue(typeof chunk === "string" ? encoder.encode(chunk) : chunk);
      },
    });
    return new Response(chunks.pipeThrough(bytes), init);
  }

  /** Turns the request into a WebSocket. Throws a 400 when it is not one. */
  upgrade(options?: WebSocketUpgradeOptions): { socket: WebSocket; response: Response };
  upgrade(handlers: WebSocketHandlers, options?: WebSocketUpgradeOptions): Response;
  upgrade(
    first?: WebSocketHandlers | WebSocketUpgradeOptions,
    second?: WebSocketUpgradeOptions,
  ): { socket: WebSocket; response: Response } | Response {
    if (this.req.headers.get("upgrade")?.toLowerCase() !== "websocket") {
      throw new HttpError(400, "Expected a WebSocket upgrade request");
    }
    if (!isWebSocketHandlers(first)) {
      return Deno.upgradeWebSocket(this.req, first);
    }

    const { socket, response } = Deno.upgradeWebSocket(this.req, second);
    socket.addEventListener("open", () => first.open?.(socket));
    socket.addEventListener("message", (event) => first.message?.(socket, event));
    socket.addEventListener("close", ({ code, reason }) => first.close?.(socket, code, reason));
    socket.addEventListener("error", (event) => first.error?.(socket, event));
    return response;
  }
}

function isWebSocketHandlers(value: object | undefined): value is WebSocketHandlers {
  return value !== undefined &&
    ["open", "message", "close", "error"].some((name) =>
      typeof (value as Record<string, unknown>)[name] === "function"
    );
}
