/** Brings what `<Head>` collected into the document's head, in place of what it overrides. */
import { Fragment, h, type JSX } from "preact";
import { useContext } from "preact/hooks";
import { HeadContext } from "../head.ts";
import { asPlain } from "./plain.ts";
import { type Props, requireRender } from "./state.ts";

interface HeadElementProps {
  tag: string;
  headKey: unknown;
  props: Props;
}

/** An element that may belong in the head: collected inside `<Head>`, overridden in the document's own. */
export function HeadElement({ tag, headKey, props }: HeadElementProps): JSX.Element | null {
  const place = useContext(HeadContext);
  const element = asPlain(h(tag, headKey == null ? props : { ...props, "data-key": String(headKey) }));
  if (place === "none") return element;

  const { head } = requireRender();
  const key = identityOf({ tag, headKey, props });
  if (place === "collect") {
    head.set(key, element);
    return null;
  }
  const override = head.get(key);
  head.delete(key);
  return override ?? element;
}

/** The end of the document's head: whatever overrode nothing. */
export function CollectedHead(): JSX.Element {
  return h(Fragment, null, [...requireRender().head.values()]);
}

/**
 * Two elements with the same identity are the same thing said twice. As in Fresh 2.3.3, a link without a `key` is known
 * by everything but its `href`: a second stylesheet takes the place of the first.
 */
function identityOf({ tag, headKey, props }: HeadElementProps): string {
  if (headKey != null) return String(headKey);
  if (tag === "title") return tag;
  const ignored = ["children", "nonce", "ref", { meta: "content", link: "href" }[tag]];
  const names = Object.keys(props).filter((name) => !ignored.includes(name)).sort();
  return [tag, ...names.map((name) => props[name])].join("::");
}
