/** Bundles the islands and the hydration runtime for browsers. */
import { relative } from "node:path";
import { fileURLToPath } from "node:url";
import * as esbuild from "esbuild";
import { createDenoResolver } from "./deno_resolver.ts";
import type { IslandSource } from "./sources.ts";

interface BundleOptions {
  root: string;
  buildId: string;
  minify: boolean;
}

/** Name of the hydration runtime's script. */
export const RUNTIME_NAME = "fresh-runtime";
const RUNTIME = fileURLToPath(new URL("../client/boot.ts", import.meta.url));
const JSX = fileURLToPath(new URL("../client/jsx.ts", import.meta.url));
const BUILD_ID = fileURLToPath(new URL("../build_id.ts", import.meta.url));

/** The scripts, by file name: one for each island, the runtime, and what they share. */
export async function bundleIslands(
  islands: readonly IslandSource[],
  { root, buildId, minify }: BundleOptions,
): Promise<Map<string, Uint8Array>> {
  const entryPoints = [
    { out: RUNTIME_NAME, in: RUNTIME },
    ...islands.map(({ name, path }) => ({ out: name, in: path })),
  ];
  const paths = [...entryPoints.map((entry) => entry.in), JSX];
  const linkDir = await Deno.makeTempDir({ prefix: "fresh-links-" });
  try {
    const { outputFiles } = await esbuild.build({
      entryPoints,
      outdir: root,
      absWorkingDir: root,
      write: false,
      bundle: true,
      splitting: true,
      format: "esm",
      platform: "browser",
      target: ["chrome99", "firefox99", "safari15"],
      minify,
      sourcemap: minify ? false : "inline",
      jsx: "automatic",
      jsxImportSource: "preact",
      define: { "process.env.NODE_ENV": JSON.stringify(minify ? "production" : "development") },
      chunkNames: "chunk-[hash]",
      plugins: [browserModules(buildId), await createDenoResolver(paths, { root, linkDir })],
      // what goes wrong is in the error that is thrown
      logLevel: "silent",
    });
    return new Map(outputFiles.map(({ path, contents }) => [relative(root, path), contents]));
  } finally {
    await esbuild.stop();
    await Deno.remove(linkDir, { recursive: true });
  }
}

/** Gives the browser the build id as a constant, and a smaller runtime for JSX. */
function browserModules(buildId: string): esbuild.Plugin {
  return {
    name: "browser-modules",
    setup(build) {
      const contents = `export const getBuildId = () => "${buildId}";`;
      build.onLoad({ filter: /build_id\.ts$/ }, ({ path }) => path === BUILD_ID ? { contents } : undefined);
      build.onResolve({ filter: /^preact\/jsx-runtime$/ }, () => ({ path: JSX }));
    },
  };
}
