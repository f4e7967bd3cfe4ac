/**
 * Hydrates the islands of a page. It finds them by the comments that the server left around them and
 * rebuilds the server's markup that they were given as props. Every byte here is sent to every visitor.
 */
// used by about every island: in one file with Preact both are smaller
import "@preact/signals";
import { type ComponentChild, type ComponentType, type JSX, render } from "preact";
import { jsx } from "./jsx.ts";

type Props = Record<string, unknown>;

/** A pair of comments: `frsh:island:NAME:INDEX:KEY` or `frsh:slot:ID`, and its end. */
interface Marker {
  parts: string[];
  start: Comment;
  end: Comment;
}

/**
 * Called by the page's inline script with the islands it imported and the props of each instance: as they are, or as
 * text where they are more than JSON.
 */
export async function boot(islands: Record<string, ComponentType>, given: Props[] | string): Promise<void> {
  const markers = new Map<Node, Marker>();
  const slots = new Map<number, ComponentChild[]>();
  const roots = findMarkers(document.body, markers);

  const Slot = ({ id }: { id: number }) => slots.get(id);
  const props = typeof given === "string" ? (await import("./props.ts")).reviveProps(given, Slot) : given;

  const toIsland = ({ parts: [, , name, index, key] }: Marker) =>
    jsx(islands[name!]!, props[+index!]!, key || undefined);

  /** The nodes from `node` up to `end`, as elements that Preact can adopt. */
  const toElements = (node: Node | null, end: Node | null): ComponentChild[] => {
    const elements: ComponentChild[] = [];
    for (; node && node !== end; node = node.nextSibling) {
      const marker = markers.get(node);
      if (marker) {
        elements.push(toIsland(marker));
        node = marker.end;
      } else if (node instanceof Element) {
        elements.push(toElement(node));
      } else if (node instanceof Text) {
        elements.push(node.data);
      }
    }
    return elements;
  };

  const toElement = (element: Element): JSX.Element => {
    const attributes: Props = {};
    for (const { name, value } of element.attributes) {
      attributes[name] = typeof (element as unknown as Props)[name] === "boolean" || value;
    }
    return jsx(element.localName, { ...attributes, children: toElements(element.firstChild, null) });
  };

  const templates = document.querySelectorAll<HTMLTemplateElement>("template[id^=frsh-slot-]");
  for (const template of templates) {
    findMarkers(template.content, markers);
    slots.set(+template.id.slice(10), toElements(template.content.firstChild, null));
  }
  for (const { parts, start, end } of markers.values()) {
    if (parts[1] === "slot") {
      slots.set(+parts[2]!, toElements(start.nextSibling, end));
    }
  }
  for (const root of roots) render(toIsland(root), container(root));
}

/** Adds the markers below `root` to `found` and gives those that are in no other. */
function findMarkers(root: Node, found: Map<Node, Marker>): Marker[] {
  const comments = document.createTreeWalker(root, NodeFilter.SHOW_COMMENT);
  const open: Marker[] = [];
  const outermost: Marker[] = [];
  while (comments.nextNode()) {
    const comment = comments.currentNode as Comment;
    if (comment.data.startsWith("frsh:")) {
      const marker = { parts: comment.data.split(":"), start: comment, end: comment };
      found.set(comment, marker);
      if (!open.length) outermost.push(marker);
      open.push(marker);
    } else if (comment.data.startsWith("/frsh:")) {
      open.pop()!.end = comment;
    }
  }
  return outermost;
}

/** Stands for an element that holds only the nodes between the two comments: islands have no element. */
function container({ start, end }: Marker): Element {
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
