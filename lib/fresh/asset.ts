/** `asset()`: paths of static files that carry the build id, so that they may be cached for a year. */
import { getBuildId } from "./build_id.ts";

/** Query parameter that carries the build id. */
export const ASSET_CACHE_BUST_KEY = "__frsh_c";

/** Locks a path to this build. Anything but an absolute path of this site is returned as it is. */
export function asset(path: string, basePath = ""): string {
  if (!path.startsWith("/") || path.startsWith("//")) return path;
  const [, pathname = "", search = "", hash = ""] = /^([^?#]*)(\?[^#]*)?(#.*)?$/.exec(path) ?? [];
  if (search.includes(`${ASSET_CACHE_BUST_KEY}=`)) return path;
  const lock = `${search === "" ? "?" : `${search}&`}${ASSET_CACHE_BUST_KEY}=${getBuildId()}`;
  return `${basePath === "/" ? "" : basePath}${pathname}${lock}${hash}`;
}

/** Applies {@linkcode asset} to every URL of a `srcset`. */
export function assetSrcSet(srcset: string, basePath?: string): string {
  if (srcset.includes("(")) return srcset;
  return srcset.split(",").map((part) => part.replace(/\S+/, (url) => asset(url, basePath))).join(",");
}
