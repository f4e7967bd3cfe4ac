/**
 * Finds the exports that no other file imports. It reads the text of the sources as `deno fmt` leaves it: an export
 * begins a line. What is passed on counts as used when it is used there, and a namespace uses everything.
 */
import type { Edge } from "./module_graph.ts";

const DECLARED =
  /^export (?:default )?(?:abstract |async |declare )*(?:function\*?|class|const|let|interface|type|enum) (\w+)/gm;
const LISTED = /^export (?:type )?\{([^}]*)\};/gm;
const IMPORTED =
  /^(import|export) (?:type )?(?:(\w+)(?:, )?)?(?:\{([^}]*)\} |(\*)(?: as \w+)? )?from "([^"]+)"/gm;
const DYNAMIC = /\b(?:import|typeof import)\("([^"]+)"\)/g;
const EVERYTHING = "*";

export interface UnusedOptions {
  /** The text of every source, by path. */
  texts: ReadonlyMap<string, string>;
  edges: readonly Edge[];
  /** Whether what this file imports counts as a use. */
  counts: (path: string) => boolean;
  /** Files whose exports are there for others. */
  faces: ReadonlySet<string>;
}

/** An export that nobody imports. */
export interface UnusedExport {
  path: string;
  /** `path: name`. */
  key: string;
  isType: boolean;
  /** Whether its own file names it where it is not declared. */
  usedInside: boolean;
}

/** The exports of `texts` that nothing uses. */
export function unusedExports({ texts, edges, counts, faces }: UnusedOptions): UnusedExport[] {
  const targets = new Map(edges.map(({ from, specifier, to }) => [`${from} ${specifier}`, to]));
  const used = new Set<string>();
  /** What becomes used with a name that passes it on. */
  const passedOn = new Map<string, string[]>();

  function use(key: string): void {
    if (used.has(key)) return;
    used.add(key);
    for (const origin of passedOn.get(key) ?? []) use(origin);
  }

  const uses: string[] = [];
  for (const [path, text] of texts) {
    for (const [, kind, whole, list, star, specifier] of text.matchAll(IMPORTED)) {
      const target = targets.get(`${path} ${specifier}`);
      const names = star === undefined ? namesOf(list ?? "") : [{ name: EVERYTHING, as: EVERYTHING }];
      if (whole !== undefined && whole !== "type") names.push({ name: "default", as: "default" });
      for (const { name, as } of names) {
        const key = `${target}: ${name}`;
        if (kind === "import") counts(path) && uses.push(key);
        else passedOn.getOrInsertComputed(`${path}: ${as}`, () => []).push(key);
      }
    }
    if (!counts(path)) continue;
    for (const [, specifier] of text.matchAll(DYNAMIC)) {
      uses.push(`${targets.get(`${path} ${specifier}`)}: ${EVERYTHING}`);
    }
  }
  for (const path of faces) uses.push(`${path}: ${EVERYTHING}`);

  const all = [...texts].flatMap(([path, text]) => exportsOf(path, text));
  for (const key of uses) {
    if (!key.endsWith(`: ${EVERYTHING}`)) use(key);
    else for (const each of all) if (each.startsWith(key.slice(0, -1))) use(each);
  }
  return all.filter((key) => !used.has(key)).map((key) => {
    const [path, name] = key.split(": ") as [string, string];
    const text = texts.get(path)!.replaceAll(/\/\*[^]*?\*\/|\/\/.*/g, "");
    return {
      ...{ path, key },
      isType: new RegExp(`\\b(type|interface) (\\{.*)?\\b${name}\\b`).test(text),
      usedInside: text.split(new RegExp(`\\b${name}\\b`)).length > 2,
    };
  });
}

function exportsOf(path: string, text: string): string[] {
  const names = [...text.matchAll(DECLARED)].map(([line, name]) =>
    line.startsWith("export default") ? "default" : name!
  );
  for (const [, list] of text.matchAll(LISTED)) names.push(...namesOf(list!).map(({ as }) => as));
  for (const [, kind, , list] of text.matchAll(IMPORTED)) {
    if (kind === "export") names.push(...namesOf(list ?? "").map(({ as }) => as));
  }
  return [...new Set(names)].map((name) => `${path}: ${name}`);
}

/** Splits `a, type b as c`. */
function namesOf(list: string): { name: string; as: string }[] {
  return list.split(",").map((part) => part.trim().replace(/^type /, "")).filter((part) => part !== "")
    .map((part) => {
      const [name, as = name] = part.split(" as ");
      return { name: name!, as: as! };
    });
}
