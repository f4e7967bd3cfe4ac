/** The project's files and what each of them imports, as Deno resolves it. */
import assert from "node:assert/strict";

export const ROOT = new URL("../../", import.meta.url);

export interface Edge {
  from: string;
  /** A path from the root, or a package as it is imported. */
  to: string;
  /** As it is written. */
  specifier: string;
  /** Whether code is imported, not only types. */
  code: boolean;
}

/** The paths of all sources below a folder, which ends with a slash. */
export async function sources(directory: string): Promise<string[]> {
  const paths: string[] = [];
  for await (const entry of Deno.readDir(new URL(directory, ROOT))) {
    const path = `${directory}${entry.name}`;
    if (entry.isDirectory) paths.push(...await sources(`${path}/`));
    else if (/\.tsx?$/.test(entry.name)) paths.push(path);
  }
  return paths;
}

/** The paths of all sources, with the tests. */
export async function allSources(): Promise<string[]> {
  const folders = await Promise.all(["lib/", "routes/", "islands/", "tests/"].map(sources));
  const roots: string[] = [];
  for await (const { name } of Deno.readDir(ROOT)) if (/\.tsx?$/.test(name)) roots.push(name);
  return [...roots, ...folders.flat()];
}

interface Info {
  modules: {
    specifier: string;
    dependencies?: { specifier: string; code?: { specifier?: string }; type?: { specifier?: string } }[];
  }[];
}

/** Every import of the project's files. */
export async function readEdges(): Promise<Edge[]> {
  const entry = await Deno.makeTempFile({ suffix: ".ts" });
  try {
    const imports = (await allSources()).map((path) => `import ${JSON.stringify(new URL(path, ROOT).href)};`);
    await Deno.writeTextFile(entry, imports.join("\n"));
    const { stdout, success, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["info", "--json", "--config", new URL("deno.json", ROOT).pathname, entry],
    }).output();
    assert.ok(success, new TextDecoder().decode(stderr));
    const info: Info = JSON.parse(new TextDecoder().decode(stdout));
    return info.modules
      .filter(({ specifier }) => specifier.startsWith(ROOT.href))
      .flatMap(({ specifier: from, dependencies = [] }) =>
        dependencies.map(({ specifier, code, type }) => {
          const target = code?.specifier ?? type?.specifier ?? specifier;
          return {
            from: from.slice(ROOT.href.length),
            to: target.startsWith(ROOT.href) ? target.slice(ROOT.href.length) : specifier,
            specifier,
            code: code !== undefined,
          };
        })
      );
  } finally {
    await Deno.remove(entry);
  }
}

/** Whether `to` names a package rather than a file. */
export function isPackage(to: string): boolean {
  return !/\.(tsx?|js|json)$/.test(to);
}
