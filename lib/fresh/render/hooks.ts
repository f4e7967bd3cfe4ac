/**
 * Preact's hook through which a rendering pass sees every element: it finds islands, completes the
 * document, locks assets, marks links to the current page and puts the nonce on scripts and styles.
 */
import {
  type ComponentChild,
  type ComponentChildren,
  type ComponentType,
  type FunctionComponent,
  h,
  options,
  type VNode,
} from "preact";
import { HeadContext } from "../head.ts";
import { IslandBoundary, isPlain } from "./boundary.ts";
import { CollectedHead, HeadElement } from "./document_head.ts";
import { LockedElement } from "./locked_element.ts";
import { PageScripts } from "./scripts.ts";
import { currentRender, type RenderState } from "./state.ts";

type Props = Record<string, unknown>;
type Diff = (vnode: VNode<Props>) => void;

const HEAD_ELEMENTS = new Set(["title", "meta", "link", "script", "style", "base", "noscript", "template"]);

let installed = false;

/** Once per process; the hook does nothing outside of a rendering pass. */
export function installHooks(): void {
  if (installed) return;
  installed = true;
  // "__b" is the published, mangled name of the hook that runs before an element is rendered.
  const hooks = options as { __b?: Diff };
  const previous = hooks.__b;
  hooks.__b = (vnode) => {
    const state = currentRender();
    if (state !== null && !isPlain(vnode)) adapt(vnode, state);
    previous?.(vnode);
  };
}

function adapt(vnode: VNode<Props>, state: RenderState): void {
  const { type } = vnode;
  if (typeof type === "function") {
    const island = state.registry.get(type as ComponentType);
    if (island !== undefined) {
      replace(vnode, IslandBoundary, { island, islandKey: vnode.key, props: vnode.props });
    }
  } else if (type === "html") {
    state.hasHtml = true;
  } else if (type === "head") {
    state.hasHead = true;
    append(vnode, h(CollectedHead, null));
    vnode.props.children = h(
      HeadContext.Provider,
      { value: "document" },
      vnode.props.children as ComponentChildren,
    );
  } else if (type === "body") {
    state.hasBody = true;
    append(vnode, h(PageScripts, null));
  } else if (type === "a") {
    markActiveLink(vnode.props, state.pathname);
  } else if (type === "img" || type === "source") {
    replace(vnode, LockedElement, { tag: type, props: vnode.props });
  } else if (HEAD_ELEMENTS.has(type)) {
    if (type === "script" || type === "style") {
      vnode.props.nonce ??= state.nonce;
    }
    replace(vnode, HeadElement, { tag: type, headKey: vnode.key, props: vnode.props });
  }
}

function replace<P>(vnode: VNode<Props>, type: FunctionComponent<P>, props: P): void {
  vnode.type = type as FunctionComponent<Props>;
  vnode.props = props as typeof vnode.props;
}

function append(vnode: VNode<Props>, child: ComponentChild): void {
  const children = vnode.props.children as ComponentChildren;
  vnode.props.children = Array.isArray(children) ? [...children, child] : [children, child];
}

function markActiveLink(props: Props, pathname: string): void {
  if (typeof props.href !== "string" || !props.href.startsWith("/")) return;
  const href = trimSlash(new URL(props.href, "http://localhost").pathname);
  const current = trimSlash(pathname);
  if (current === href) {
    props["data-current"] = "true";
    props["aria-current"] = "page";
  } else if (href === "/" || current.startsWith(`${href}/`)) {
    props["data-ancestor"] = "true";
    props["aria-current"] = "true";
  }
}

function trimSlash(path: string): string {
  return path.length > 1 && path.endsWith("/") ? path.slice(0, -1) : path;
}
