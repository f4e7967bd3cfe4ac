/** `csp()`: the Content-Security-Policy of every response that passes through it. */
import { getNonce } from "../nonce.ts";
import type { Middleware } from "../types.ts";

export interface CSPOptions {
  /** Report violations and block nothing. Default: false. */
  reportOnly?: boolean;
  /** URL path that violations are reported to. */
  reportTo?: string;
  /** Directives to add to the defaults. */
  csp?: string[];
  /** Allow inline scripts and styles by a nonce of the page in place of 'unsafe-inline'. Default: false. */
  useNonce?: boolean;
}

const DEFAULTS = [
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
];

export function csp<State>(options: CSPOptions = {}): Middleware<State> {
  const { reportOnly = false, reportTo, csp: directives = [], useNonce = false } = options;
  const reporting = reportTo === undefined ? [] : ["report-to csp-endpoint", `report-uri ${reportTo}`];
  const policy = [...DEFAULTS, ...directives, ...reporting];
  const inline = policy.join("; ");
  const headerName = `Content-Security-Policy${reportOnly ? "-Report-Only" : ""}`;

  return async function freshCsp(ctx) {
    const response = await ctx.next();
    const nonce = useNonce ? getNonce(response) : undefined;
    response.headers.set(headerName, nonce === undefined ? inline : withNonce(policy, nonce));
    if (reportTo !== undefined) {
      response.headers.set("Reporting-Endpoints", `csp-endpoint="${reportTo}"`);
    }
    return response;
  };
}

function withNonce(policy: readonly string[], nonce: string): string {
  return policy.map((directive) =>
    /^(script|style)-src /.test(directive)
      ? directive.replace("'unsafe-inline'", `'nonce-${nonce}'`)
      : directive
  ).join("; ");
}
