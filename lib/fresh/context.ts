/** What every middleware and handler receives: one request and the ways to answer it. */
import type { VNode } from "preact";

export interface ResolvedFreshConfig {
  /** In development nothing is cached by browsers. */
  mode: "development" | "production";
  /** Whether `url` is made of `X-Forwarded-Proto` and `X-Forwarded-Host`. */
  trustProxy: boolean;
}

export interface Context<State> {
  readonly config: ResolvedFreshConfig;
  /** The requested URL, with repeated slashes collapsed. */
  readonly url: URL;
  readonly req: Request;
  /** Parameters of the pattern, decoded but for "/", ":", "@" and their like. */
  readonly params: Record<string, string>;
  /** Shared by everything that handles this request. */
  readonly state: State;
  readonly info: Deno.ServeHandlerInfo;
  /** Calls the next middleware. */
  next(): Promise<Response>;
  /** Redirects; a path of this site never names another host. Default status: 302. */
  redirect(pathOrUrl: string, status?: number): Response;
  /** Renders JSX into the app wrapper. */
  render(
    // deno-lint-ignore no-explicit-any -- a page's props are its own
    vnode: VNode<any> | null,
    init?: ResponseInit,
  ): Promise<Response>;
}
