/** The headers by which browsers keep a page to itself, on every answer but the socket's. */
import { type Context, csp, type Middleware } from "fresh";
import { isHttps } from "./browser_url.ts";
import type { State } from "./request_state.ts";

const HEADERS = {
  "x-content-type-options": "nosniff",
  "referrer-policy": "same-origin",
  "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
};

/** `response` with the headers that need no policy of the page. */
export function withSecurityHeaders(response: Response): Response {
  for (const [name, value] of Object.entries(HEADERS)) response.headers.set(name, value);
  return response;
}

/** Fresh's policy asks browsers to upgrade always, also on http, where WebKit then finds nothing on localhost. */
async function upgradeOverHttpsOnly(ctx: Context<State>): Promise<Response> {
  const response = withSecurityHeaders(await ctx.next());
  const policy = response.headers.get("content-security-policy");
  if (policy !== null && !isHttps(ctx)) {
    response.headers.set("content-security-policy", policy.replace("; upgrade-insecure-requests", ""));
  }
  return response;
}

/** To be registered before all that answers with pages or files. */
export const securityHeaders: Middleware<State>[] = [upgradeOverHttpsOnly, csp({ useNonce: true })];
