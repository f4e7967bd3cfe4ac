/** The types that routes, middlewares and page components are written against. */
import type { AnyComponent, JSX, RenderableProps } from "preact";
import type { Context } from "./context.ts";
import type { RouteHandler } from "./handlers.ts";
import type { Method } from "./router.ts";

/** Answers a request, or passes it on with `ctx.next()`. */
export type Middleware<State> = (ctx: Context<State>) => Response | Promise<Response>;

/** @deprecated Use {@linkcode Middleware}. */
export type MiddlewareFn<State> = Middleware<State>;

/** A middleware, or a function that loads it. */
export type MaybeLazyMiddleware<State> = (
  ctx: Context<State>,
) => Response | Promise<Response | Middleware<State>>;

export type Lazy<T> = () => Promise<T>;
export type MaybeLazy<T> = T | Lazy<T>;

export interface LayoutConfig {
  /** Render without the layouts of the folders above. Default: false. */
  skipInheritedLayouts?: boolean;
  /** Render without `_app`. Default: false. */
  skipAppWrapper?: boolean;
}

export interface RouteConfig extends LayoutConfig {
  /** URL pattern used in place of the one that the file name gives. */
  routeOverride?: string;
  /** Has no effect in Fresh 2: the `csp()` middleware sends the policy. */
  csp?: boolean;
  /** Methods of a lazily loaded route. Default: all. */
  methods?: "ALL" | Method[];
}

/** What a page, layout or app wrapper receives. */
export type PageProps<Data = unknown, T = unknown> =
  & Pick<
    Context<T>,
    | "config"
    | "url"
    | "req"
    | "params"
    | "info"
    | "state"
    | "isPartial"
    | "Component"
    | "error"
    | "route"
  >
  & { data: Data };

/** A component that may await data; it may also answer with a `Response`. */
export type AsyncAnyComponent<P> = {
  (props: RenderableProps<P>, context?: unknown): Promise<JSX.Element | Response | null>;
  displayName?: string;
  defaultProps?: Partial<P> | undefined;
};

export type RouteComponent<State> =
  | AsyncAnyComponent<PageProps<unknown, State>>
  | AnyComponent<PageProps<unknown, State>>;

export interface Route<State> {
  component?: RouteComponent<State>;
  config?: RouteConfig;
  handler?: RouteHandler<unknown, State>;
}
