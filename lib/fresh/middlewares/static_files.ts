/** `staticFiles()`: serves the files of the build and of the static folder. */
import { ASSET_CACHE_BUST_KEY } from "../asset.ts";
import { getBuildId } from "../build_id.ts";
import type { Middleware } from "../middleware.ts";
import { getBuildCache } from "../request_context.ts";

const IMMUTABLE = "public, max-age=31536000, immutable";
const NEVER = "no-cache, no-store, max-age=0, must-revalidate";

export function staticFiles<State>(): Middleware<State> {
  return async function freshStaticFiles(ctx) {
    const { url, req: { method, headers: asked } } = ctx;
    const pathname = decoded(url.pathname);
    const file = pathname === null ? null : await getBuildCache(ctx).readFile(pathname);
    if (file === null) {
      // browsers ask for it by themselves: a page would be a long answer
      return pathname === "/favicon.ico" ? new Response(null, { status: 404 }) : await ctx.next();
    }
    if (method !== "GET" && method !== "HEAD") return new Response("Method Not Allowed", { status: 405 });

    const lock = url.searchParams.get(ASSET_CACHE_BUST_KEY);
    if (lock !== null && lock !== getBuildId()) {
      const unlocked = new URL(url);
      unlocked.searchParams.delete(ASSET_CACHE_BUST_KEY);
      return new Response(null, { status: 307, headers: { location: unlocked.pathname + unlocked.search } });
    }

    const headers = new Headers({ "Content-Type": file.contentType, vary: "If-None-Match" });
    const isProduction = ctx.config.mode === "production";
    if (isProduction) {
      const seen = asked.get("If-None-Match");
      if (seen === file.hash || seen === `W/"${file.hash}"`) {
        return new Response(null, { status: 304, headers });
      }
      headers.set("Etag", `W/"${file.hash}"`);
    }
    const isLocked = lock !== null || url.pathname.startsWith(`/_fresh/js/${getBuildId()}/`);
    headers.set("Cache-Control", isProduction && isLocked ? IMMUTABLE : NEVER);
    headers.set("Content-Length", String(file.size));
    return new Response(method === "HEAD" ? null : await file.read(), { headers });
  };
}

/** Null for a path that cannot name a file. */
function decoded(pathname: string): string | null {
  try {
    return decodeURIComponent(pathname);
  } catch {
    return null;
  }
}
