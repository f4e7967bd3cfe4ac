/**
 * Preact's hook through which a rendering pass sees every element: it finds islands, completes the document and marks
 * links to the current page.
 */
import {
  type ComponentChild,
  type ComponentType,
  type FunctionComponent,
  h,
  options,
  type VNode,
} from "preact";
import { HeadContext } from "../head.ts";
import { CollectedHead, HeadElement } from "./document_head.ts";
import { IslandBoundary } from "./island.ts";
import { isPlain } from "./plain.ts";
import { PageScripts } from "./scripts.ts";
import { currentRender, type Props, type RenderState } from "./state.ts";

type Diff = (vnode: VNode<Props>) => void;

const HEAD_ELEMENTS = new Set(["title", "meta", "link", "script", "style", "base", "noscript", "template"]);

let installed = false;

/** Once per process; the hook does nothing outside of a rendering pass. */
export function installHooks(): void {
  if (installed) return;
  installed = true;
  // "__b" is the published, mangled name of the hook that runs before an element is rendered
  const hooks = options as { __b?: Diff };
  const previous = hooks.__b;
  hooks.__b = (vnode) => {
    const state = currentRender();
    if (state !== null && !isPlain(vnode)) adapt(vnode, state);
    previous?.(vnode);
  };
}

function adapt(vnode: VNode<Props>, { registry, pathname }: RenderState): void {
  const { type, props } = vnode;
  if (typeof type === "function") {
    const component = type as ComponentType<Props>;
    const island = registry.get(component as ComponentType);
    if (island !== undefined) replace(vnode, IslandBoundary, { component, island, props });
  } else if (type === "head") {
    const own = h(HeadContext.Provider, { value: "document" }, props.children as ComponentChild);
    props.children = [own, h(CollectedHead, null)];
  } else if (type === "body") {
    props.children = [props.children, h(PageScripts, null)];
  } else if (type === "a") {
    markActiveLink(props, pathname);
  } else if (HEAD_ELEMENTS.has(type)) {
    replace(vnode, HeadElement, { tag: type, headKey: vnode.key, props });
  }
}

function replace<P>(vnode: VNode<Props>, type: FunctionComponent<P>, props: P): void {
  vnode.type = type as FunctionComponent<Props>;
  vnode.props = props as typeof vnode.props;
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
