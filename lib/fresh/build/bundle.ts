/** Bundles the islands and the hydration runtime for browsers. */
import { basename, relative } from "node:path";
import { fileURLToPath } from "node:url";
import * as esbuild from "esbuild";
import { createDenoResolver } from "./deno_resolver.ts";
import { sha256 } from "./hash.ts";

export interface BundleOptions {
  root: string;
  islands: readonly string[];
  target: string | string[];
  minify: boolean;
}

export interface Bundle {
  /** Hash of everything in the bundle. */
  buildId: string;
  /** File name of the runtime. */
  clientEntry: string;
  /** File names of the islands, in the order of `islands`. */
  islandFiles: string[];
  /** The files that an entry imports, all the way down; by file name. */
  imports: Map<string, string[]>;
  /** By file name. */
  files: Map<string, Uint8Array<ArrayBuffer>>;
}

/** Stands for the build id, which is not known before the files are. */
const PLACEHOLDER = "__FRESH_BUILD_ID__";
const RUNTIME = fileURLToPath(new URL("../client/boot.ts", import.meta.url));
const JSX = fileURLToPath(new URL("../client/jsx.ts", import.meta.url));
const BUILD_ID_MODULE = fileURLToPath(new URL("../build_id.ts", import.meta.url));

/** `salt` is what else the build consists of: the id changes with it. */
export async function bundleIslands(options: BundleOptions, salt: string): Promise<Bundle> {
  const { root, islands, target, minify } = options;
  const linkDir = await Deno.makeTempDir({ prefix: "fresh-links-" });
  try {
    const names = ["fresh-runtime", ...islandNames(islands)];
    const paths = [RUNTIME, ...islands];
    const { outputFiles, metafile } = await esbuild.build({
      entryPoints: names.map((out, i) => ({ out, in: paths[i]! })),
      outdir: root,
      absWorkingDir: root,
      write: false,
      metafile: true,
      bundle: true,
      splitting: true,
      format: "esm",
      platform: "browser",
      target,
      minify,
      sourcemap: minify ? false : "inline",
      jsx: "automatic",
      jsxImportSource: "preact",
      define: { "process.env.NODE_ENV": JSON.stringify(minify ? "production" : "development") },
      chunkNames: "chunk-[hash]",
      plugins: [buildIdPlugin(), jsxPlugin(), await createDenoResolver([...paths, JSX], { root, linkDir })],
      // What goes wrong is in the error that is thrown.
      logLevel: "silent",
    });
    const sources = outputFiles.map(({ path, text }) => ({ name: relative(root, path), text }));
    sources.sort((a, b) => a.name < b.name ? -1 : 1);
    const stable = sources.map(({ name, text }) => `${name}\n${text.replaceAll(PLACEHOLDER, "")}`).join("\n");
    const buildId = (await sha256(new TextEncoder().encode(stable + salt)))
      .slice(0, 32);
    const files = new Map(sources.map(({ name, text }) => [
      name,
      new TextEncoder().encode(text.replaceAll(PLACEHOLDER, buildId)),
    ]));
    const [clientEntry, ...islandFiles] = names.map((name) => `${name}.js`);
    const imports = new Map(
      [clientEntry!, ...islandFiles].map((name) => [name, [...importsOf(name, metafile)]]),
    );
    return { buildId, clientEntry: clientEntry!, islandFiles, imports, files };
  } finally {
    await Deno.remove(linkDir, { recursive: true });
  }
}

function importsOf(name: string, metafile: esbuild.Metafile, found: Set<string> = new Set()): Set<string> {
  for (const { path, kind } of metafile.outputs[name]?.imports ?? []) {
    if (kind !== "import-statement" || found.has(path)) continue;
    found.add(path);
    importsOf(path, metafile, found);
  }
  return found;
}

/** Ends esbuild's process; the next bundle starts another. */
export async function stopBundler(): Promise<void> {
  await esbuild.stop();
}

/** Unique names for the files of a bundle. */
function islandNames(islands: readonly string[]): string[] {
  return islands.map((path, i) => {
    const name = basename(path).replace(/\.[^.]+$/, "").replaceAll(/[^\w]+/g, "_");
    const repeated = islands.slice(0, i).some((other) => basename(other) === basename(path));
    return repeated ? `${name}_${i}` : name;
  });
}

/** Gives the browser the build id as a constant. */
function buildIdPlugin(): esbuild.Plugin {
  return {
    name: "build-id",
    setup(build) {
      build.onLoad(
        { filter: /build_id\.ts$/ },
        ({ path }) =>
          path === BUILD_ID_MODULE
            ? {
              contents: `export const getBuildId = () => ${JSON.stringify(PLACEHOLDER)};`,
            }
            : undefined,
      );
    },
  };
}

/** Gives the browser a smaller runtime for JSX. */
function jsxPlugin(): esbuild.Plugin {
  return {
    name: "jsx",
    setup(build) {
      build.onResolve({ filter: /^preact\/jsx-runtime$/ }, () => ({ path: JSX }));
    },
  };
}
