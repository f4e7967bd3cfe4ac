/** What a route file may export, and how it answers. */
import { type ComponentType, h } from "preact";
import type { Context } from "./context.ts";
import type { Middleware } from "./middleware.ts";
import { type PageProps, pageProps } from "./page_props.ts";
import type { Method } from "./router.ts";

/** Data for the route's page component, with what the response should carry. */
export interface PageResponse<Data> {
  data: Data;
  headers?: HeadersInit;
  status?: number;
}

/** A handler's return value that renders the route's page component with `data`. */
export function page<Data>(
  data: Data,
  options: { headers?: HeadersInit; status?: number } = {},
): PageResponse<Data> {
  return { data, ...options };
}

export interface HandlerFn<Data, State> {
  (ctx: Context<State>): Response | PageResponse<Data> | Promise<Response | PageResponse<Data>>;
}

export type HandlerByMethod<Data, State> = {
  [M in Method]?: HandlerFn<Data, State>;
};

/** One function for every method, or one for each. */
export type RouteHandler<Data, State> = HandlerFn<Data, State> | HandlerByMethod<Data, State>;

export interface Route<State> {
  handler?: RouteHandler<unknown, State>;
  default?: ComponentType<PageProps<unknown, State>>;
}

/** Calls the route's handler and renders its component with what that returns; a missing method is the next one's. */
export function routeMiddleware<State>({ handler, default: component }: Route<State>): Middleware<State> {
  return async function freshRoute(ctx) {
    const handle = handler === undefined ? () => page({}) : handlerFor(handler, ctx.req.method);
    if (handle === undefined) return await ctx.next();
    const result = await handle(ctx);
    if (result instanceof Response) return result;
    const { data, headers, status } = result;
    const vnode = component === undefined ? null : h(component, pageProps(ctx, { data }));
    return await ctx.render(vnode, { headers, status });
  };
}

function handlerFor<State>(
  handler: RouteHandler<unknown, State>,
  method: string,
): HandlerFn<unknown, State> | undefined {
  if (typeof handler === "function") return handler;
  return handler[method as Method] ?? (method === "HEAD" ? handler.GET : undefined);
}
