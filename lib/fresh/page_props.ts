/** What a page and the app wrapper receive. */
import type { FunctionComponent } from "preact";
import type { Context } from "./context.ts";

export type PageProps<Data = unknown, State = unknown> =
  & Pick<Context<State>, "config" | "url" | "req" | "params" | "info" | "state">
  & {
    data: Data;
    /** What the app wrapper wraps. */
    Component: FunctionComponent;
  };

export function pageProps<Data, State>(
  { config, url, req, params, info, state }: Context<State>,
  { data, Component = () => null }: { data: Data; Component?: FunctionComponent },
): PageProps<Data, State> {
  return { config, url, req, params, info, state, data, Component };
}
