/**
 * Lets esbuild resolve modules as Deno does. `deno info` says what every specifier of the project's own
 * modules means. Packages live in Deno's cache, each by itself: a folder of links gives esbuild the
 * `node_modules` it expects around each package, and esbuild applies `exports`, `browser` and the rest.
 */
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import type { Plugin } from "esbuild";

interface ModuleGraph {
  redirects: Record<string, string>;
  modules: {
    specifier: string;
    npmPackage?: string;
    dependencies?: { specifier: string; code?: { specifier: string } }[];
  }[];
  npmPackages: Record<
    string,
    { name: string; dependencies: string[]; localPath: string }
  >;
}

/** `entries` are absolute paths. `linkDir` must exist and outlive the build. */
export async function createDenoResolver(
  entries: readonly string[],
  { root, linkDir }: { root: string; linkDir: string },
): Promise<Plugin> {
  const graph = await readGraph(entries, root);
  const links = await linkPackages(graph, linkDir);
  const packageOf = new Map(graph.modules.map(({ specifier, npmPackage }) => [specifier, npmPackage]));
  const imports = new Map<string, string>();
  for (const { specifier: importer, dependencies = [] } of graph.modules) {
    for (const { specifier, code } of dependencies) {
      if (code !== undefined) {
        imports.set(`${importer} ${specifier}`, graph.redirects[code.specifier] ?? code.specifier);
      }
    }
  }

  return {
    name: "deno",
    setup(build) {
      build.onResolve(
        { filter: /.*/ },
        async ({ path, importer, kind, pluginData }) => {
          if (pluginData === links || kind === "entry-point") return;
          const owner = links.ownerOf(importer);
          if (owner !== undefined) {
            // Relative paths inside a package need no help.
            if (/^\.{0,2}\//.test(path)) return;
            return await build.resolve(path, { kind, importer, resolveDir: owner, pluginData: links });
          }

          const target = imports.get(`${pathToFileURL(importer).href} ${path}`);
          if (target === undefined) {
            return { errors: [{ text: `Deno's module graph has no "${path}" here` }] };
          }
          if (target.startsWith("file:")) {
            return { path: fileURLToPath(target) };
          }
          const packageId = packageOf.get(target);
          const [, name, subpath] = /^npm:\/?((?:@[^/]+\/)?[^/@]+)(?:@[^/]+)?(\/.*)?$/.exec(target) ??
            [];
          const resolveDir = packageId === undefined ? undefined : links.dirs.get(packageId);
          if (resolveDir === undefined) {
            return { errors: [{ text: `Cannot bundle "${target}" for browsers` }] };
          }
          return await build.resolve(`${name}${subpath ?? ""}`, { kind, resolveDir, pluginData: links });
        },
      );
    },
  };
}

async function readGraph(entries: readonly string[], root: string): Promise<ModuleGraph> {
  const source = entries.map((path) => `import ${JSON.stringify(pathToFileURL(path).href)};`).join("");
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["info", "--json", `data:application/typescript,${encodeURIComponent(source)}`],
    cwd: root,
  }).output();
  if (!success) {
    throw new Error(`Cannot read the module graph: ${new TextDecoder().decode(stderr)}`);
  }
  return JSON.parse(new TextDecoder().decode(stdout));
}

interface PackageLinks {
  /** The folder from which each package's names resolve, by package id. */
  dirs: Map<string, string>;
  /** The same, by a file inside the package. */
  ownerOf(file: string): string | undefined;
}

/** One `node_modules` for each package, which holds the package itself and what it depends on. */
async function linkPackages({ npmPackages, modules }: ModuleGraph, linkDir: string): Promise<PackageLinks> {
  const dirs = new Map<string, string>();
  const byPath = new Map<string, string>();
  const pending = modules.flatMap(({ npmPackage }) => npmPackage ?? []);
  for (let id = pending.pop(); id !== undefined; id = pending.pop()) {
    const found = npmPackages[id];
    if (found === undefined || dirs.has(id)) continue;
    const dir = join(linkDir, String(dirs.size));
    dirs.set(id, dir);
    byPath.set(found.localPath, dir);
    for (const linked of [id, ...found.dependencies]) {
      const target = npmPackages[linked];
      if (target !== undefined) {
        await link(target.localPath, join(dir, "node_modules", target.name));
      }
    }
    pending.push(...found.dependencies);
  }

  function ownerOf(file: string): string | undefined {
    for (let path = file; path !== dirname(path); path = dirname(path)) {
      const dir = byPath.get(path);
      if (dir !== undefined) return dir;
    }
    return undefined;
  }
  return { dirs, ownerOf };
}

async function link(target: string, path: string): Promise<void> {
  await Deno.mkdir(dirname(path), { recursive: true });
  await Deno.symlink(target, path, { type: "dir" }).catch((error) => {
    if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
  });
}
