/**
 * Tells pages which build runs. Deno restarts the development server when a file changes; the page
 * connects again by itself, sees another build, and reloads.
 */
import type { Middleware } from "../types.ts";

export function liveReload<State>(revision: string | null): Middleware<State> {
  return function freshLiveReload(ctx) {
    if (ctx.url.pathname !== `${ctx.config.basePath}/_frsh/alive`) {
      return ctx.next();
    }
    const message = new TextEncoder().encode(`retry: 300\ndata: ${revision}\n\n`);
    const body = new ReadableStream<Uint8Array>({ start: (controller) => controller.enqueue(message) });
    return new Response(body, {
      headers: { "Content-Type": "text/event-stream", "Cache-Control": "no-store" },
    });
  };
}
