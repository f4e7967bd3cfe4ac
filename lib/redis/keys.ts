/**
 * The names of all keys (contract §8), in this one place: `{prefix}:{name}`. On a Cluster the name of the family comes
 * in between, in braces: the hash tag that keeps the keys of one script on one node.
 */
import type { Redis } from "./redis.ts";

/** Builds the keys and channels of one family. */
type KeyFamily = (...parts: string[]) => string;

/**
 * The key builder of `family` under `prefix`: `keyFamily(redis, "tether", "sessions")("nodes")` is `tether:nodes`, on a
 * Cluster `tether:{sessions}:nodes`. Names are unique over all families; whatever the parts hold, the tag stays the
 * family's. Throws a `TypeError` for braces in prefix or family.
 */
export function keyFamily(
  { isCluster }: Pick<Redis, "isCluster">,
  prefix: string,
  family: string,
): KeyFamily {
  if (/[{}]/.test(prefix + family)) throw new TypeError("Cannot build keys: a prefix may not hold braces");
  const root = isCluster ? `${prefix}:{${family}}:` : `${prefix}:`;
  return (...parts) => root + parts.join(":");
}
