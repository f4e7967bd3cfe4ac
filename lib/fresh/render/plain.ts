/** Elements that the hooks must leave as they are. */
import type { JSX } from "preact";

const plain = new WeakSet<object>();

export function isPlain(vnode: object): boolean {
  return plain.has(vnode);
}

/** Marks an element so that it is rendered as it is. */
export function asPlain(vnode: JSX.Element): JSX.Element {
  plain.add(vnode);
  return vnode;
}
