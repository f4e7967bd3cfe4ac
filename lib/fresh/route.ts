/** Calls a route's handler and renders its component with what the handler returned. */
import { type Context, getUi, setUi } from "./context.ts";
import { HttpError } from "./error.ts";
import { type HandlerFn, isHandlerByMethod, page } from "./handlers.ts";
import { renderComponent } from "./render/page.ts";
import type { Route } from "./types.ts";

/** Gives the route the handler that it lacks: a component alone is rendered, nothing at all is a 404. */
export function withHandler<State>(route: Route<State>): Route<State> {
  const { handler, component } = route;
  if (handler === undefined) {
    return { ...route, handler: component === undefined ? notFound : emptyPage };
  }
  if (
    component !== undefined && isHandlerByMethod(handler) &&
    handler.GET === undefined
  ) {
    return { ...route, handler: { ...handler, GET: emptyPage } };
  }
  return route;
}

/** Answers with a route that has a handler. `status` is that of a page whose handler names none. */
export async function renderRoute<State>(
  ctx: Context<State>,
  route: Route<State>,
  options: { status?: number } = {},
): Promise<Response> {
  const { component, config } = route;
  const ui = getUi(ctx);
  setUi(ctx, {
    app: config?.skipAppWrapper ? null : ui.app,
    layouts: config?.skipInheritedLayouts ? [] : ui.layouts,
  });

  const handler = handlerFor(route, ctx.req.method);
  if (handler === undefined) return await ctx.next();
  const result = await handler(ctx);
  if (result instanceof Response) return result;

  ctx.data = result.data;
  const vnode = component === undefined ? null : await renderComponent(ctx, component, { data: result.data });
  if (vnode instanceof Response) return vnode;
  return ctx.render(vnode, { headers: result.headers, status: result.status ?? options.status ?? 200 });
}

function handlerFor<State>(route: Route<State>, method: string): HandlerFn<unknown, State> | undefined {
  const { handler } = route;
  if (!isHandlerByMethod(handler)) return handler;
  const byMethod: Record<string, HandlerFn<unknown, State> | undefined> = handler;
  return byMethod[method] ?? (method === "HEAD" ? handler.GET : undefined);
}

function emptyPage() {
  return page({});
}

function notFound(): never {
  throw new HttpError(404);
}
