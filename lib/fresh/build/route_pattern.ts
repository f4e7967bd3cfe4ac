/** The pattern that a route file's path stands for, and which of two patterns is tried first. */

/** "blog/[id]/index" gives "/blog/:id". Throws on a name that the stand-in does not know. */
export function pathToPattern(path: string): string {
  const parts = path.split("/").filter((part) => part !== "");
  if (parts.at(-1) === "index") parts.pop();
  return `/${parts.map((part) => partPattern(part, path)).join("/")}`;
}

function partPattern(part: string, path: string): string {
  const [, dots, name] = /^\[(\.\.\.)?(\w+)\]$/.exec(part) ?? [];
  if (name !== undefined) return dots === undefined ? `:${name}` : `:${name}*`;
  if (/[[\]()]/.test(part)) {
    throw new SyntaxError(`Invalid route file name: "${path}" has a part that is no name, [id] or [...rest]`);
  }
  return part;
}

/** Sorts what is more specific first: names, then parameters, then the rest of a path. */
export function compareRoutes(a: string, b: string): number {
  const left = a.split("/"), right = b.split("/");
  for (let i = 0; i < Math.min(left.length, right.length); i++) {
    const difference = rank(left[i]!) - rank(right[i]!);
    if (difference !== 0) return difference;
    if (left[i] !== right[i]) return left[i]! < right[i]! ? -1 : 1;
  }
  return left.length - right.length;
}

function rank(part: string): number {
  if (!part.startsWith(":")) return 0;
  return part.endsWith("*") ? 2 : 1;
}
