/** `asset()`: paths of static files that carry the build id, so that they may be cached for a year. */
import { getBuildId } from "./build_id.ts";

/** Query parameter that carries the build id. */
export const ASSET_CACHE_BUST_KEY = "__frsh_c";

/** Locks a path to this build. Anything but an absolute path of this site is returned as it is. */
export function asset(path: string): string {
  if (!path.startsWith("/") || path.startsWith("//")) return path;
  const [, pathname = "", search = "", hash = ""] = /^([^?#]*)(\?[^#]*)?(#.*)?$/.exec(path) ?? [];
  if (search.includes(`${ASSET_CACHE_BUST_KEY}=`)) return path;
  return `${pathname}${search === "" ? "?" : `${search}&`}${ASSET_CACHE_BUST_KEY}=${getBuildId()}${hash}`;
}
