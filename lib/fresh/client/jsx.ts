/** What JSX compiles to, in terms of what Preact's core has anyway: its own runtime is five times as long. */
import { type ComponentType, Fragment, h, type VNode } from "preact";

type Props = Record<string, unknown>;

/** An element; `props` has the children. */
export function jsx(type: ComponentType<Props> | string, props: Props, key?: string): VNode<Props> {
  return h(type as ComponentType<Props>, key === undefined ? props : { ...props, key });
}

export { Fragment, jsx as jsxs };
