/** The end of a page's body: the script that hydrates its islands. A page without islands has none. */
import { Fragment, h, type JSX } from "preact";
import { serializeProps } from "./island_props.ts";
import { asPlain } from "./plain.ts";
import { type RenderState, requireRender } from "./state.ts";

export function PageScripts(): JSX.Element {
  const state = requireRender();
  return h(Fragment, null, [
    state.islands.size > 0 && inlineModule(bootSource(state), state.nonce),
    state.revision !== null && inlineModule(reloadSource(state.revision), state.nonce),
  ]);
}

function bootSource({ islands, props, clientEntry }: RenderState): string {
  const all = [...islands];
  const imports = all.map(({ file }, i) => `import i${i} from${safeJson(file)};`);
  const table = all.map(({ name }, i) => `${safeJson(name)}:i${i}`);
  return `import{boot}from${safeJson(clientEntry)};${imports.join("")}` +
    `boot({${table.join()}},${inScript(serializeProps(props))});`;
}

/** Reloads the page when the development server is back with another build. */
function reloadSource(revision: string): string {
  return `new EventSource("/_frsh/alive").onmessage=(e)=>{if(e.data!==${
    safeJson(revision)
  })location.reload()};`;
}

function inlineModule(source: string, nonce: string): JSX.Element {
  return asPlain(h("script", { type: "module", nonce, dangerouslySetInnerHTML: { __html: source } }));
}

function safeJson(value: string): string {
  return inScript(JSON.stringify(value));
}

/** JSON that cannot end the script it stands in. */
function inScript(json: string): string {
  return json.replaceAll("<", "\\u003C");
}
