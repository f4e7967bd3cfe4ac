/** Renders a page into the app wrapper, which is the document. */
import { Fragment, h, type VNode } from "preact";
import { jsxTemplate } from "preact/jsx-runtime";
import { renderToString } from "preact-render-to-string";
import type { BuildCache } from "../build_cache.ts";
import type { Context } from "../context.ts";
import { pageProps } from "../page_props.ts";
import type { Chain } from "../route_table.ts";
import { installHooks } from "./hooks.ts";
import { setNonce } from "./nonce.ts";
import { createRenderState, withRenderState } from "./state.ts";

interface RenderPageOptions<State> {
  ctx: Context<State>;
  app: Chain<State>["app"];
  buildCache: BuildCache<State>;
  init: ResponseInit;
}

export function renderPage<State>(
  vnode: VNode | null,
  { ctx, app, buildCache, init }: RenderPageOptions<State>,
): Response {
  installHooks();
  const state = createRenderState(ctx.url.pathname, buildCache);
  const html = withRenderState(state, () => {
    // the app wrapper is rendered last, so that the document's head can hold what the page asked for
    const content = renderToString(vnode ?? h(Fragment, null));
    if (app === null) return content;
    const Component = () => jsxTemplate([content]);
    return renderToString(h(app, pageProps(ctx, { data: null, Component })));
  });

  const headers = new Headers(init.headers);
  headers.set("Content-Type", "text/html; charset=utf-8");
  if (state.islands.size > 0) {
    const entries = [state.clientEntry, ...Array.from(state.islands, ({ file }) => file)];
    headers.append("Link", entries.map((file) => `<${file}>; rel="modulepreload"; as="script"`).join(", "));
  }
  const response = new Response(`<!DOCTYPE html>${html}`, { ...init, headers });
  setNonce(response, state.nonce);
  return response;
}
