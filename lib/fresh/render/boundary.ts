/**
 * What an island becomes in the page: its markup between two comments, by which the browser finds it,
 * and its props in the list that is sent along. An island inside an island is a plain component.
 */
import { type ComponentChildren, createContext, Fragment, h, type JSX } from "preact";
import { useContext } from "preact/hooks";
import type { Island } from "./island.ts";
import { isElement, SlotRef } from "./serialize.ts";
import { requireRender } from "./state.ts";

/** Whether an island is above in the tree, with no markup of the page between. */
export const InsideIsland = createContext(false);

/** Elements that the hooks must leave as they are. */
const plain = new WeakSet<JSX.Element>();

export function isPlain(vnode: JSX.Element): boolean {
  return plain.has(vnode);
}

/** Marks an element so that it is rendered as it is. */
export function asPlain(vnode: JSX.Element): JSX.Element {
  plain.add(vnode);
  return vnode;
}

interface BoundaryProps {
  island: Island;
  islandKey: unknown;
  props: Record<string, unknown>;
}

export function IslandBoundary({ island, islandKey, props }: BoundaryProps): JSX.Element {
  if (useContext(InsideIsland)) return asPlain(h(island.fn, props));

  const state = requireRender();
  const sent: Record<string, unknown> = {};
  const rendered: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(props)) {
    if (isMarkup(name, value)) {
      const id = state.slots.push({ children: value as ComponentChildren, placed: false }) - 1;
      sent[name] = new SlotRef(id);
      rendered[name] = h(PlacedSlot, { id });
    } else {
      sent[name] = rendered[name] = value;
    }
  }
  state.islands.add(island);
  const index = state.props.push(sent) - 1;
  const key = String(islandKey ?? "").replaceAll(/[:>-]/g, "_");
  return marked(
    `island:${island.name}:${index}:${key}`,
    h(InsideIsland.Provider, { value: true }, asPlain(h(island.fn, rendered))),
  );
}

/** Children may be a list; any other prop that is a list must keep its shape, and cannot hold markup. */
function isMarkup(name: string, value: unknown): boolean {
  return isElement(value) || (name === "children" && hasElement(value));
}

function hasElement(value: unknown): boolean {
  return Array.isArray(value) ? value.some(hasElement) : isElement(value);
}

function PlacedSlot({ id }: { id: number }): JSX.Element {
  const slot = requireRender().slots[id]!;
  slot.placed = true;
  return marked(`slot:${id}`, h(InsideIsland.Provider, { value: false }, slot.children));
}

/** The slots that no island has rendered yet, where the browser can take them from when one does. */
export function UnplacedSlots(): JSX.Element {
  const templates = requireRender().slots.map(({ children, placed }, id) =>
    placed ? null : asPlain(h(
      "template",
      { id: `frsh-slot-${id}` },
      h(InsideIsland.Provider, { value: false }, children),
    ))
  );
  return h(Fragment, null, templates);
}

function marked(text: string, child: JSX.Element): JSX.Element {
  const kind = text.slice(0, text.indexOf(":"));
  return h(Fragment, null, comment(`frsh:${text}`), child, comment(`/frsh:${kind}`));
}

/** preact-render-to-string writes this property as a comment. */
function comment(text: string): JSX.Element {
  return h(Fragment, { UNSTABLE_comment: text } as Record<string, unknown>);
}
