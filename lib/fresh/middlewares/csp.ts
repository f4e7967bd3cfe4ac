/** `csp()`: the Content-Security-Policy of every response that passes through it. */
import type { Middleware } from "../middleware.ts";
import { getNonce } from "../render/nonce.ts";

export interface CSPOptions {
  /** Allow inline scripts and styles by a nonce of the page in place of 'unsafe-inline'. Default: false. */
  useNonce?: boolean;
}

const POLICY = [
  "default-src 'self'",
  "script-src 'self' 'unsafe-inline'",
  "style-src 'self' 'unsafe-inline'",
  "font-src 'self'",
  "img-src 'self' data:",
  "media-src 'self' data: blob:",
  "worker-src 'self' blob:",
  "connect-src 'self'",
  "object-src 'none'",
  "base-uri 'self'",
  "form-action 'self'",
  "frame-ancestors 'none'",
  "upgrade-insecure-requests",
].join("; ");

export function csp<State>({ useNonce = false }: CSPOptions = {}): Middleware<State> {
  return async function freshCsp(ctx) {
    const response = await ctx.next();
    const nonce = useNonce ? getNonce(response) : undefined;
    const policy = nonce === undefined ? POLICY : POLICY.replaceAll("'unsafe-inline'", `'nonce-${nonce}'`);
    response.headers.set("Content-Security-Policy", policy);
    return response;
  };
}
