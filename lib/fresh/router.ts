/** Finds what is registered for a path, as Fresh does. It knows nothing of what the entries do. */
import { compilePattern, isDynamic, type PathMatcher } from "./path_pattern.ts";

/** The methods that every entry has; Fresh breaks on any other. */
export const METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"] as const;
export type Method = typeof METHODS[number];

interface RouteMatch<T> {
  item: T;
  params: Record<string, string>;
}

export class Router<T> {
  readonly #statics = new Map<string, T>();
  readonly #dynamics = new Map<string, { matcher: PathMatcher; item: T }>();

  /** The first registration of a pattern stays. */
  add(pattern: string, item: T): void {
    if (!isDynamic(pattern)) {
      if (!this.#statics.has(pattern)) this.#statics.set(pattern, item);
    } else if (!this.#dynamics.has(pattern)) {
      this.#dynamics.set(pattern, { matcher: compilePattern(pattern), item });
    }
  }

  /**
   * Static paths come first, and for them "/x/" is "/x"; then patterns in the order of registration. Throws a
   * `URIError` when a parameter holds a "%" that is no escape.
   */
  match(pathname: string): RouteMatch<T> | null {
    const item = this.#statics.get(pathname) ?? this.#statics.get(pathname.replace(/(.)\/$/, "$1"));
    if (item !== undefined) return { item, params: {} };
    for (const { matcher, item } of this.#dynamics.values()) {
      const params = matcher(pathname);
      if (params === null) continue;
      for (const name in params) params[name] = decodeURI(params[name]!);
      return { item, params };
    }
    return null;
  }
}
