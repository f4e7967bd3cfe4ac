/** `trailingSlashes()`: redirects every path to its form with, or without, a slash at its end. */
import type { Middleware } from "../types.ts";

export function trailingSlashes<State>(mode: "always" | "never"): Middleware<State> {
  return function freshTrailingSlashes(ctx) {
    const { pathname, search } = ctx.url;
    const hasSlash = pathname.endsWith("/");
    if (mode === "always" && !hasSlash) {
      return ctx.redirect(`${pathname}/${search}`);
    }
    if (mode === "never" && hasSlash && pathname !== "/") {
      return ctx.redirect(pathname.slice(0, -1) + search);
    }
    return ctx.next();
  };
}
