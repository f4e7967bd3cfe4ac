/**
 * What one rendering pass collects. Preact's hooks take no context, so the running pass is kept here;
 * a pass is synchronous, so two never overlap.
 */
import type { ComponentChildren, JSX } from "preact";
import type { Island, IslandRegistry } from "./island.ts";

/** Markup that the server rendered and hands to an island as a prop. */
export interface Slot {
  children: ComponentChildren;
  /** False until the island has rendered it. */
  placed: boolean;
}

export interface RenderState {
  registry: IslandRegistry;
  clientEntry: string;
  revision: string | null;
  basePath: string;
  pathname: string;
  /** Stands on every script and style of the page. */
  nonce: string;
  /** The islands of the page, without repetition. */
  islands: Set<Island>;
  /** The props of each island instance, in the order of rendering. */
  props: Record<string, unknown>[];
  slots: Slot[];
  /** What `<Head>` collected, by key. */
  head: Map<string, JSX.Element>;
  hasHtml: boolean;
  hasHead: boolean;
  hasBody: boolean;
}

let current: RenderState | null = null;

/** Runs one pass. */
export function withRenderState<T>(state: RenderState, render: () => T): T {
  current = state;
  try {
    return render();
  } finally {
    current = null;
  }
}

export function currentRender(): RenderState | null {
  return current;
}

/** The running pass, for components that exist only inside one. */
export function requireRender(): RenderState {
  if (current === null) {
    throw new Error("Cannot render an island or a document outside of ctx.render()");
  }
  return current;
}
