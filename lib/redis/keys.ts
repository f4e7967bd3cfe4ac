/**
 * The names of all keys (contract §8), in this one place: `{prefix}:{{family}}:{name}`, where the family in braces is
 * the hash tag that keeps the keys of one script on one node of a Cluster.
 */

/** Builds the keys and channels of one family. */
export type KeyFamily = (...parts: string[]) => string;

/**
 * The key builder of `family` under `prefix`: `keyFamily("tether", "sessions")("pool")` is `tether:{sessions}:pool`.
 * Whatever the parts hold, the tag stays the family's. Throws a `TypeError` for braces in prefix or family.
 */
export function keyFamily(prefix: string, family: string): KeyFamily {
  if (/[{}]/.test(prefix + family)) throw new TypeError("Cannot build keys: a prefix may not hold braces");
  const root = `${prefix}:{${family}}:`;
  return (...parts) => root + parts.join(":");
}
