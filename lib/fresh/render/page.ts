/** Renders a page: its component, the layouts and the app wrapper around it, and the rest of the document. */
import { Fragment, type FunctionComponent, h, isValidElement, type JSX } from "preact";
import { jsxTemplate } from "preact/jsx-runtime";
import { renderToString } from "preact-render-to-string";
import type { BuildCache } from "../build_cache.ts";
import type { Context, Ui } from "../context.ts";
import { setNonce } from "../nonce.ts";
import type { AsyncAnyComponent, LayoutConfig, PageProps, RouteComponent } from "../types.ts";
import { installHooks } from "./hooks.ts";
import { type RenderState, withRenderState } from "./state.ts";

/** Calls an async component, or makes an element of any other. */
export async function renderComponent<State>(
  ctx: Context<State>,
  component: RouteComponent<State>,
  { data, child = () => null }: { data: unknown; child?: FunctionComponent },
): Promise<JSX.Element | Response | null> {
  const props: PageProps<unknown, State> = {
    Component: child,
    config: ctx.config,
    data,
    error: ctx.error,
    info: ctx.info,
    isPartial: ctx.isPartial,
    params: ctx.params,
    req: ctx.req,
    route: ctx.route,
    state: ctx.state,
    url: ctx.url,
  };
  if (isAsync<PageProps<unknown, State>>(component)) return await component(props);
  return h(component as FunctionComponent<PageProps<unknown, State>>, props);
}

function isAsync<P>(component: unknown): component is AsyncAnyComponent<P> {
  return typeof component === "function" &&
    component.constructor.name === "AsyncFunction";
}

/** What {@linkcode renderPage} needs besides the context and the page. */
export interface RenderPageOptions<State> {
  init: ResponseInit;
  config: LayoutConfig;
  ui: Ui<State>;
  buildCache: BuildCache<State>;
}

/** The response to `ctx.render()`. */
export async function renderPage<State>(
  ctx: Context<State>,
  vnode: JSX.Element | null,
  { init, config, ui, buildCache }: RenderPageOptions<State>,
): Promise<Response> {
  if (vnode !== null && !isValidElement(vnode)) {
    throw new TypeError("ctx.render() takes an element or null, and got something else");
  }
  const layouts = config.skipInheritedLayouts ? [] : ui.layouts;
  const app = config.skipAppWrapper ? null : ui.app;

  let content = vnode;
  for (const layout of layouts.toReversed()) {
    const child = content;
    ctx.Component = () => child;
    const result = await renderComponent(ctx, layout, { data: null, child: () => child });
    if (result instanceof Response) return result;
    content = result;
  }

  // The app wrapper is rendered last, so that the document's head can hold what the page asked for.
  let contentHtml: JSX.Element | null = null;
  let document: JSX.Element | null = null;
  if (app !== null) {
    ctx.Component = () => contentHtml;
    const result = await renderComponent(ctx, app, { data: null, child: () => contentHtml });
    if (result instanceof Response) return result;
    document = result;
  }

  installHooks();
  const state = createRenderState(ctx, buildCache);
  const html = withRenderState(state, () => {
    const inner = renderToString(content ?? h(Fragment, null));
    if (app === null) return completeDocument(inner, state);
    contentHtml = rawHtml(inner);
    return completeDocument(renderToString(document ?? h(Fragment, null)), state);
  });

  const headers = new Headers(init.headers);
  headers.set("Content-Type", "text/html; charset=utf-8");
  if (state.islands.size > 0) headers.append("Link", preloads(state, buildCache.imports));
  const response = new Response(`<!DOCTYPE html>${html}`, { ...init, headers });
  setNonce(response, state.nonce);
  return response;
}

function createRenderState<State>(ctx: Context<State>, buildCache: BuildCache<State>): RenderState {
  const { islands: registry, clientEntry, revision } = buildCache;
  return {
    registry,
    clientEntry,
    revision,
    basePath: ctx.config.basePath,
    pathname: ctx.url.pathname,
    nonce: crypto.randomUUID().replaceAll("-", ""),
    islands: new Set(),
    props: [],
    slots: [],
    head: new Map(),
    hasHtml: false,
    hasHead: false,
    hasBody: false,
  };
}

/** Adds what the page left out of a document. */
function completeDocument(html: string, { hasHtml, hasHead, hasBody }: RenderState): string {
  if (hasHtml && hasHead && hasBody) return html;
  const raw = rawHtml(html);
  const body = hasBody ? raw : h("body", null, raw);
  const content = hasHead ? body : h(Fragment, null, h("head", null, h("meta", { charset: "utf-8" })), body);
  return renderToString(hasHtml ? content as JSX.Element : h("html", null, content));
}

function rawHtml(html: string): JSX.Element {
  return jsxTemplate([html]);
}

/** Every script that the page will import: the browser fetches them at once, not one after another. */
function preloads(
  { basePath, clientEntry, islands }: RenderState,
  imports: BuildCache<unknown>["imports"],
): string {
  const entries = [clientEntry, ...Array.from(islands, (island) => island.file)];
  const files = new Set(entries.flatMap((file) => [file, ...imports.get(file) ?? []]));
  return Array.from(files, (file) => `<${encodeURI(basePath + file)}>; rel="modulepreload"; as="script"`)
    .join(", ");
}
