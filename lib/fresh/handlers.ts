/** What a route's handler may be and may return. */
import type { Context } from "./context.ts";
import type { Method } from "./router.ts";

/** Data for the route's page component, with what the response should carry. */
export interface PageResponse<T> {
  data: T;
  headers?: HeadersInit;
  status?: number;
}

/** Makes a handler's return value that renders the route's page component with `data`. */
export function page<T>(
  data: T,
  options?: { headers?: HeadersInit; status?: number },
): PageResponse<T>;
export function page(): PageResponse<undefined>;
export function page<T>(
  data?: T,
  options?: { headers?: HeadersInit; status?: number },
): PageResponse<T | undefined> {
  return { data, headers: options?.headers, status: options?.status };
}

export interface HandlerFn<Data, State> {
  (ctx: Context<State>): Response | PageResponse<Data> | Promise<Response | PageResponse<Data>>;
}

export type HandlerByMethod<Data, State> = {
  [M in Method]?: HandlerFn<Data, State>;
};

/** One function for every method, or one for each. */
export type RouteHandler<Data, State> =
  | HandlerFn<Data, State>
  | HandlerByMethod<Data, State>;

export type RouteData<Handler extends RouteHandler<unknown, unknown>> = Handler extends
  (RouteHandler<infer Data, unknown>) ? Data : never;

export function isHandlerByMethod<Data, State>(
  handler: RouteHandler<Data, State> | undefined,
): handler is HandlerByMethod<Data, State> {
  return typeof handler === "object" && handler !== null;
}
