/**
 * What an island becomes in the page: its markup between two comments, by which the browser finds it, and its props in
 * the list that is sent along. An island inside an island is a plain component.
 */
import { type ComponentType, createContext, Fragment, h, type JSX } from "preact";
import { useContext } from "preact/hooks";
import { asPlain } from "./plain.ts";
import { type Island, type Props, requireRender } from "./state.ts";

const InsideIsland = createContext(false);

interface BoundaryProps {
  component: ComponentType<Props>;
  island: Island;
  props: Props;
}

export function IslandBoundary({ component, island, props }: BoundaryProps): JSX.Element {
  const child = asPlain(h(component, props));
  if (useContext(InsideIsland)) return child;
  const state = requireRender();
  state.islands.add(island);
  const index = state.props.push(props) - 1;
  return h(
    Fragment,
    null,
    comment(`frsh:island:${island.name}:${index}`),
    h(InsideIsland.Provider, { value: true }, child),
    comment("/frsh:island"),
  );
}

/** preact-render-to-string writes this property as a comment. */
function comment(text: string): JSX.Element {
  return h(Fragment, { UNSTABLE_comment: text } as Props);
}
