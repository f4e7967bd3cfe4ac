/** Finds what is registered for a method and a path. It knows nothing of what the entries do. */
import { compilePattern, isDynamic, type PathMatcher } from "./url_pattern.ts";

export type Method =
  | "HEAD"
  | "GET"
  | "POST"
  | "PATCH"
  | "PUT"
  | "DELETE"
  | "OPTIONS";

/** In the order in which Fresh lists them in an `Allow` header. */
export const METHODS: readonly Method[] = ["GET", "DELETE", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"];

interface RouteEntry<T> {
  pattern: string;
  byMethod: Map<string, T[]>;
}

interface DynamicEntry<T> extends RouteEntry<T> {
  matcher: PathMatcher;
}

export interface RouteMatch<T> {
  /** The pattern that matched, whether or not it has the method; null when none did. */
  pattern: string | null;
  params: Record<string, string>;
  /** Empty when the pattern lacks the method. */
  items: readonly T[];
  /** The methods that the pattern has. */
  allowed: readonly string[];
}

const NO_MATCH: RouteMatch<never> = { pattern: null, params: {}, items: [], allowed: [] };

export class Router<T> {
  readonly #statics = new Map<string, RouteEntry<T>>();
  readonly #dynamics: DynamicEntry<T>[] = [];

  /** Appends to what the pattern already has for the method. */
  add(method: Method, pattern: string, items: readonly T[]): void {
    const { byMethod } = this.#entry(pattern);
    byMethod.set(method, [...byMethod.get(method) ?? [], ...items]);
  }

  /** Static paths come first, then patterns in the order of registration. "/x/" is "/x". */
  match(method: string, pathname: string): RouteMatch<T> {
    const trimmed = trimSlash(pathname);
    const entry = this.#statics.get(trimmed);
    if (entry !== undefined) return found(entry, method, {});

    for (const dynamic of this.#dynamics) {
      const raw = dynamic.matcher(pathname) ??
        (trimmed === pathname ? null : dynamic.matcher(trimmed));
      if (raw === null) continue;
      const params = decodeParams(raw);
      return params === null ? NO_MATCH : found(dynamic, method, params);
    }
    return NO_MATCH;
  }

  #entry(pattern: string): RouteEntry<T> {
    if (isDynamic(pattern)) {
      let entry = this.#dynamics.find((other) => other.pattern === pattern);
      if (entry === undefined) {
        entry = { pattern, byMethod: new Map(), matcher: compilePattern(pattern) };
        this.#dynamics.push(entry);
      }
      return entry;
    }
    const path = trimSlash(pattern);
    let entry = this.#statics.get(path);
    if (entry === undefined) {
      entry = { pattern, byMethod: new Map() };
      this.#statics.set(path, entry);
    }
    return entry;
  }
}

function found<T>(entry: RouteEntry<T>, method: string, params: Record<string, string>): RouteMatch<T> {
  const { pattern, byMethod } = entry;
  const items = byMethod.get(method) ??
    (method === "HEAD" ? byMethod.get("GET") : undefined);
  if (items !== undefined) return { pattern, params, items, allowed: [] };
  return { pattern, params, items: [], allowed: [...byMethod.keys()] };
}

function trimSlash(pathname: string): string {
  return pathname.length > 1 && pathname.endsWith("/") ? pathname.slice(0, -1) : pathname;
}

/** Null when a parameter holds a "%" that is no escape: such a path names nothing. */
function decodeParams(raw: Record<string, string>): Record<string, string> | null {
  try {
    for (const name in raw) {
      if (raw[name]!.includes("%")) raw[name] = decodeURI(raw[name]!);
    }
    return raw;
  } catch {
    return null;
  }
}
