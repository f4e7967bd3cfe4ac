/** The end of a page's body: the script that hydrates its islands. A page without islands has none. */
import { Fragment, h, type JSX } from "preact";
import { asPlain, UnplacedSlots } from "./boundary.ts";
import { serializeProps } from "./serialize.ts";
import { type RenderState, requireRender } from "./state.ts";

export function PageScripts(): JSX.Element {
  // In this order: what a slot renders may hold further islands.
  return h(Fragment, null, h(UnplacedSlots, null), h(BootScript, null), h(LiveReload, null));
}

function BootScript(): JSX.Element | null {
  const state = requireRender();
  return state.islands.size === 0 ? null : inlineModule(bootSource(state), state.nonce);
}

function bootSource({ islands, props, basePath, clientEntry }: RenderState): string {
  const all = [...islands];
  const imports = all.map(({ exportName, file }, i) =>
    `import{${exportName} as i${i}}from${json(basePath + file)};`
  );
  const table = all.map(({ name }, i) => `${json(name)}:i${i}`);
  return `import{boot}from${json(basePath + clientEntry)};${imports.join("")}` +
    `boot({${table.join(",")}},${safe(serializeProps(props))});`;
}

/** Reloads the page when the development server is back with another build. */
function LiveReload(): JSX.Element | null {
  const { revision, basePath, nonce } = requireRender();
  if (revision === null) return null;
  const source = `new EventSource(${json(`${basePath}/_frsh/alive`)}).onmessage=` +
    `(e)=>{if(e.data!==${json(revision)})location.reload()};`;
  return inlineModule(source, nonce);
}

function inlineModule(source: string, nonce: string): JSX.Element {
  return asPlain(h("script", { type: "module", nonce, dangerouslySetInnerHTML: { __html: source } }));
}

function json(value: string): string {
  return safe(JSON.stringify(value));
}

/** JSON that cannot end the script it stands in. */
function safe(text: string): string {
  return text.replaceAll("<", "\\u003C");
}
