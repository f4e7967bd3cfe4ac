/** How the browser reached this server, which a proxy in front tells where it is believed (`TRUST_PROXY`). */
import type { Context } from "fresh";

/** What of a request's context says it. */
export type Asked = Pick<Context<unknown>, "req" | "url" | "config">;

/** Whether the browser speaks https, to us or to a proxy. */
export function isHttps(asked: Asked): boolean {
  return (forwarded(asked, "proto") ?? asked.url.protocol.slice(0, -1)) === "https";
}

/** The host in the browser's address bar. */
export function browserHost(asked: Asked): string {
  return forwarded(asked, "host") ?? asked.url.host;
}

/** The first of several values: it came from where the browser is. Fresh takes none where there are several. */
function forwarded({ req, config }: Asked, what: "proto" | "host"): string | undefined {
  if (!config.trustProxy) return undefined;
  return req.headers.get(`x-forwarded-${what}`)?.split(",", 1)[0]?.trim() || undefined;
}
