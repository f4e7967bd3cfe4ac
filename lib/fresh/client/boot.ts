/**
 * Hydrates the islands of a page. It finds them by the comments that the server left around them. Every byte here is
 * sent to every visitor.
 */
// used by about every island: in one file with Preact both are smaller
import "@preact/signals";
import { type ComponentType, render } from "preact";
import { jsx } from "./jsx.ts";

type Props = Record<string, unknown>;

/** Called by the page's inline script with the islands it imported and the props of each instance. */
export function boot(islands: Record<string, ComponentType<Props>>, props: Props[]): void {
  const comments = document.createTreeWalker(document.body, NodeFilter.SHOW_COMMENT);
  const found: [start: Comment, end: Comment][] = [];
  while (comments.nextNode()) {
    const comment = comments.currentNode as Comment;
    if (comment.data.startsWith("frsh:island:")) found.push([comment, comment]);
    else if (comment.data === "/frsh:island") found.at(-1)![1] = comment;
  }
  // only now: rendering changes what the walker walks
  for (const [start, end] of found) {
    const [, , name, index] = start.data.split(":");
    render(jsx(islands[name!]!, props[+index!]!), container(start, end));
  }
}

/** Stands for an element that holds only the nodes between the two comments: islands have no element. */
function container(start: Comment, end: Comment): Element {
  const parent = start.parentNode!;
  return {
    nodeType: 1,
    parentNode: parent,
    get firstChild() {
      return start.nextSibling === end ? null : start.nextSibling;
    },
    get childNodes() {
      const nodes: Node[] = [];
      for (let node = start.nextSibling; node && node !== end; node = node.nextSibling) nodes.push(node);
      return nodes;
    },
    contains: (node: Node) => parent.contains(node),
    insertBefore: (node: Node, before: Node | null) => parent.insertBefore(node, before ?? end),
    appendChild: (node: Node) => parent.insertBefore(node, end),
    removeChild: (node: Node) => parent.removeChild(node),
  } as unknown as Element;
}
