/** The options of a build, and what they are once the defaults are filled in. Paths become absolute. */
import { isAbsolute, join } from "node:path";
import { fileURLToPath } from "node:url";

export interface BuildOptions {
  /** Browsers to build for, in esbuild's notation. */
  target?: string | string[];
  /** The project's folder; the other paths are relative to it. Default: the working directory. */
  root?: string;
  /** The module that exports `app`. Default: "main.ts". */
  serverEntry?: string;
  /** Default: "_fresh". */
  outDir?: string;
  /** Default: "static". */
  staticDir?: string;
  /** Default: "islands". */
  islandDir?: string;
  /** Default: "routes". */
  routeDir?: string;
  /** Files that are neither route nor island. Default: tests. */
  ignore?: RegExp[];
}

export type ResolvedBuildConfig = Required<BuildOptions> & {
  mode: "development" | "production";
};

const TEST_FILE = /[._]test\.(?:[tj]sx?|[mc][tj]s)$/;

export function resolveBuildConfig(options: BuildOptions): ResolvedBuildConfig {
  const root = toPath(options.root ?? ".", Deno.cwd());
  return {
    target: options.target ?? ["chrome99", "firefox99", "safari15"],
    root,
    serverEntry: toPath(options.serverEntry ?? "main.ts", root),
    outDir: toPath(options.outDir ?? "_fresh", root),
    staticDir: toPath(options.staticDir ?? "static", root),
    islandDir: toPath(options.islandDir ?? "islands", root),
    routeDir: toPath(options.routeDir ?? "routes", root),
    ignore: options.ignore ?? [TEST_FILE],
    mode: "production",
  };
}

function toPath(path: string, root: string): string {
  if (path.startsWith("file://")) return fileURLToPath(path);
  return isAbsolute(path) ? path : join(root, path);
}
