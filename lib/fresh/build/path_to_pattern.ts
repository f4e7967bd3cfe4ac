/** The URL pattern that a route file's path stands for, and which of two patterns is tried first. */

/** "blog/[id]/index" gives "/blog/:id". Groups, "(name)", are no part of a URL. Throws on a malformed name. */
export function pathToPattern(path: string, options: { keepGroups: boolean }): string {
  const parts = path.split("/");
  if (parts.at(-1) === "index") parts.pop();
  const pattern = parts
    .filter((part) => options.keepGroups || !/^\(.*\)$/.test(part))
    .map((part) => partPattern(part, path))
    .join("");
  return pattern || "/";
}

function partPattern(part: string, path: string): string {
  const rest = /^\[\.\.\.(\w+)\]$/.exec(part);
  if (rest !== null) return `/:${rest[1]}*`;
  const optional = /^\[\[(\w+)\]\]$/.exec(part);
  if (optional !== null) return `{/:${optional[1]}}?`;

  const pattern = part.replaceAll(/\[(\w+)\]/g, ":$1");
  if (part.includes("][") || /[[\]]/.test(pattern)) {
    throw new SyntaxError(`Invalid route file name: parameters must be apart and closed in "${path}"`);
  }
  return `/${pattern}`;
}

/** Sorts what is more specific first: names, then parameters, optional ones, and the rest of the path. */
export function compareRoutes(a: string, b: string): number {
  const left = a.split(/(?=\{?\/)/);
  const right = b.split(/(?=\{?\/)/);
  for (let i = 0; i < Math.min(left.length, right.length); i++) {
    const difference = rank(left[i]!) - rank(right[i]!);
    if (difference !== 0) return difference;
    if (left[i] !== right[i]) return left[i]! < right[i]! ? -1 : 1;
  }
  return left.length - right.length;
}

function rank(part: string): number {
  if (part.endsWith("*")) return 4;
  if (part.startsWith("{")) return 3;
  if (part.startsWith("/:")) return 2;
  return part.includes(":") ? 1 : 0;
}
