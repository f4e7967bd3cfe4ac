/** `staticFiles()`: serves the files of the build and of the static folder. */
import { ASSET_CACHE_BUST_KEY } from "../asset.ts";
import { getBuildId } from "../build_id.ts";
import { type Context, getBuildCache } from "../context.ts";
import type { Middleware } from "../types.ts";

const IMMUTABLE = "public, max-age=31536000, immutable";
const NEVER = "no-cache, no-store, max-age=0, must-revalidate";

export function staticFiles<State>(): Middleware<State> {
  return async function freshStaticFiles(ctx) {
    const pathname = filePath(ctx);
    const file = pathname === null ? null : await getBuildCache(ctx).readFile(pathname);
    if (file === null) {
      // Browsers ask for it by themselves: a page would be a long answer.
      return pathname === "/favicon.ico" ? new Response(null, { status: 404 }) : await ctx.next();
    }

    const { method } = ctx.req;
    if (method !== "GET" && method !== "HEAD") {
      return new Response("Method Not Allowed", { status: 405 });
    }

    const lock = ctx.url.searchParams.get(ASSET_CACHE_BUST_KEY);
    if (lock !== null && lock !== getBuildId()) {
      const url = new URL(ctx.url);
      url.searchParams.delete(ASSET_CACHE_BUST_KEY);
      return new Response(null, { status: 307, headers: { location: url.pathname + url.search } });
    }

    const headers = new Headers({ "Content-Type": file.contentType, vary: "If-None-Match" });
    const seen = ctx.req.headers.get("If-None-Match");
    if (seen === file.hash || seen === `W/"${file.hash}"`) {
      return new Response(null, { status: 304, headers });
    }
    headers.set("Etag", `W/"${file.hash}"`);
    headers.set("Cache-Control", isLocked(ctx, lock) ? IMMUTABLE : NEVER);
    headers.set("Content-Length", String(file.size));
    return new Response(method === "HEAD" ? null : await file.read(), { headers });
  };
}

/** The decoded path inside the site, or null when it cannot name a file. */
function filePath<State>({ url, config }: Context<State>): string | null {
  if (!url.pathname.startsWith(`${config.basePath}/`)) return null;
  const pathname = url.pathname.slice(config.basePath.length);
  if (pathname === "/") return null;
  try {
    return decodeURIComponent(pathname);
  } catch {
    return null;
  }
}

function isLocked<State>({ url, config }: Context<State>, lock: string | null): boolean {
  return config.mode === "production" &&
    (lock !== null ||
      url.pathname.startsWith(`${config.basePath}/_fresh/js/${getBuildId()}/`));
}
