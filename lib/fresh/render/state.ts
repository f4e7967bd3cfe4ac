/**
 * What one rendering pass collects. Preact's hooks take no context, so the running pass is kept here;
 * a pass is synchronous, so two never overlap.
 */
import type { ComponentType, JSX } from "preact";

export type Props = Record<string, unknown>;

export interface Island {
  /** Unique among all islands of the app. */
  name: string;
  /** URL path of the script whose default export it is. */
  file: string;
}

/** The islands of an app, by their components. */
export type IslandRegistry = ReadonlyMap<ComponentType, Island>;

/** What of a build a page needs. */
interface Built {
  islands: IslandRegistry;
  clientEntry: string;
  revision: string | null;
}

export interface RenderState {
  registry: IslandRegistry;
  clientEntry: string;
  revision: string | null;
  pathname: string;
  /** Stands on every script of the page. */
  nonce: string;
  /** The islands of the page, without repetition. */
  islands: Set<Island>;
  /** The props of each island instance, in the order of rendering. */
  props: Props[];
  /** What `<Head>` collected, by key. */
  head: Map<string, JSX.Element>;
}

export function createRenderState(pathname: string, { islands, clientEntry, revision }: Built): RenderState {
  return {
    registry: islands,
    clientEntry,
    revision,
    pathname,
    nonce: crypto.randomUUID().replaceAll("-", ""),
    islands: new Set(),
    props: [],
    head: new Map(),
  };
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
  if (current === null) throw new Error("Cannot render an island or a document outside of ctx.render()");
  return current;
}
