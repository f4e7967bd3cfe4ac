/**
 * What an app imports as `fresh`: of Fresh 2.3 what this app uses, and nothing that Fresh does not have, so that the
 * linked package can be replaced by Fresh itself.
 */
export { App, type FreshConfig } from "./app.ts";
export type { Context } from "./context.ts";
export { createDefine, type Define } from "./define.ts";
export { HttpError } from "./error.ts";
export {
  type HandlerByMethod,
  type HandlerFn,
  page,
  type PageResponse,
  type RouteHandler,
} from "./handlers.ts";
export type { Middleware } from "./middleware.ts";
export { cors, type CORSOptions } from "./middlewares/cors.ts";
export { csp, type CSPOptions } from "./middlewares/csp.ts";
export { csrf, type CsrfOptions } from "./middlewares/csrf.ts";
export { staticFiles } from "./middlewares/static_files.ts";
export type { PageProps } from "./page_props.ts";
