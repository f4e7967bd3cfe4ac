/** Locks the images of a page to the build, so that they may be cached for a year. */
import { h, type JSX } from "preact";
import { useContext } from "preact/hooks";
import { asset, assetSrcSet } from "../asset.ts";
import { asPlain, InsideIsland } from "./boundary.ts";
import { requireRender } from "./state.ts";

interface LockedElementProps {
  tag: string;
  props: Record<string, unknown>;
}

/** In an island the browser would undo it and fetch the image twice: there it is left to `asset()`. */
export function LockedElement({ tag, props }: LockedElementProps): JSX.Element {
  if (useContext(InsideIsland) || props["data-fresh-disable-lock"]) return asPlain(h(tag, props));
  const { basePath } = requireRender();
  const locked = { ...props };
  if (typeof props.src === "string") locked.src = asset(props.src, basePath);
  if (typeof props.srcset === "string") locked.srcset = assetSrcSet(props.srcset, basePath);
  return asPlain(h(tag, locked));
}
