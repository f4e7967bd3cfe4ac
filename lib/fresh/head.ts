/** `<Head>`: elements that belong in the document's head, wherever in the page they are written. */
import { type ComponentChildren, createContext, h, type JSX } from "preact";

/** Where an element is rendered: inside `<Head>`, inside the document's own head, or elsewhere. */
export const HeadContext = /* @__PURE__ */ createContext<"collect" | "document" | "none">(
  "none",
);

export interface HeadProps {
  children?: ComponentChildren;
}

/** Moves its children into the document's head. In the browser it renders nothing: the server did it. */
export function Head(props: HeadProps): JSX.Element | null {
  if (typeof document !== "undefined") return null;
  return h(HeadContext.Provider, { value: "collect" }, props.children);
}
