/** Writes a built project: its scripts, a snapshot of what it consists of, and the server's entry. */
import { dirname, join, relative, sep } from "node:path";
import type { ResolvedBuildConfig } from "./config.ts";
import { sha256 } from "./hash.ts";
import { contentType } from "./media_types.ts";
import type { BuiltProject } from "./project.ts";

const WARNING = "// Written by the build; a change here is lost at the next one.";

/** Replaces what an earlier build wrote. All paths in the output are relative, so that it can be moved. */
export async function writeProject(project: BuiltProject, config: ResolvedBuildConfig): Promise<void> {
  const { root, outDir, serverEntry } = config;
  await Deno.remove(join(outDir, "static"), { recursive: true }).catch(ignoreMissing);
  const scripts = [];
  for (const [pathname, content] of project.scripts) {
    const path = join(outDir, "static", ...pathname.split("/"));
    await Deno.mkdir(dirname(path), { recursive: true });
    await Deno.writeFile(path, content);
    scripts.push({ pathname, path, hash: await sha256(content) });
  }
  await Deno.mkdir(outDir, { recursive: true });
  await Deno.writeTextFile(
    join(outDir, "snapshot.js"),
    snapshotSource(project, { root, outDir, files: [...scripts, ...project.staticFiles] }),
  );
  await Deno.writeTextFile(
    join(outDir, "server.js"),
    serverSource({ root: toPosix(relative(outDir, root)), serverEntry: specifier(outDir, serverEntry) }),
  );
}

interface SnapshotOptions {
  root: string;
  outDir: string;
  files: { pathname: string; path: string; hash: string }[];
}

function snapshotSource(project: BuiltProject, { root, outDir, files }: SnapshotOptions): string {
  const { routes, islands, imports, buildId, clientEntry } = project;
  const staticFiles = files.map(({ pathname, path, hash }) =>
    `  [${json(pathname)}, ${
      json({ filePath: toPosix(relative(root, path)), hash, contentType: contentType(path) })
    }],`
  );
  return [
    WARNING,
    'import { registerIslands } from "fresh/internal";',
    ...islands.map(({ path }, i) => `import * as island${i} from ${json(specifier(outDir, path))};`),
    ...routes.map(({ path }, i) => `import * as route${i} from ${json(specifier(outDir, path))};`),
    "",
    `export const version = ${json(buildId)};`,
    `export const clientEntry = ${json(clientEntry)};`,
    "export const islands = new Map();",
    ...islands.map(({ name, file }, i) =>
      `registerIslands(islands, { mod: island${i}, name: ${json(name)}, file: ${json(file)} });`
    ),
    `export const imports = new Map(${json([...imports])});`,
    "export const fsRoutes = [",
    ...routes.map(({ path: _, ...route }, i) => `  { ...${json(route)}, mod: route${i} },`),
    "];",
    "export const staticFiles = new Map([",
    ...staticFiles,
    "]);",
    "",
  ].join("\n");
}

function serverSource(
  { root, serverEntry }: { root: string; serverEntry: string },
): string {
  return `${WARNING}
import { createProductionCache, setBuildCache } from "fresh/internal";
import { join } from "node:path";
import { app } from ${json(serverEntry)};
import * as snapshot from "./snapshot.js";

const root = join(import.meta.dirname, ${json(root)});
setBuildCache(app, createProductionCache(root, snapshot), "production");

export default { fetch: app.handler() };
`;
}

function specifier(from: string, path: string): string {
  const steps = toPosix(relative(from, path)).split("/");
  const encoded = steps.map((step) => step === ".." ? step : encodeURIComponent(step)).join("/");
  return encoded.startsWith(".") ? encoded : `./${encoded}`;
}

function toPosix(path: string): string {
  return path.replaceAll(sep, "/");
}

function json(value: unknown): string {
  return JSON.stringify(value);
}

function ignoreMissing(error: unknown): void {
  if (!(error instanceof Deno.errors.NotFound)) throw error;
}
