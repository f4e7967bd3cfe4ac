/** Writes a built project: its scripts, a snapshot of what it consists of, and the server's entry. */
import { createHash } from "node:crypto";
import { dirname, extname, join, relative, sep } from "node:path";
import { RUNTIME_NAME } from "./bundle.ts";
import type { Sources, StaticSource } from "./sources.ts";

interface Project extends Sources {
  buildId: string;
  /** By file name. */
  scripts: ReadonlyMap<string, Uint8Array>;
}

interface Place {
  root: string;
  outDir: string;
}

const WARNING = "// Written by the build; a change here is lost at the next one.";

const CONTENT_TYPES: Record<string, string> = {
  ".css": "text/css; charset=UTF-8",
  ".ico": "image/vnd.microsoft.icon",
  ".js": "text/javascript; charset=UTF-8",
  ".json": "application/json; charset=UTF-8",
  ".png": "image/png",
  ".svg": "image/svg+xml",
  ".txt": "text/plain; charset=UTF-8",
  ".woff2": "font/woff2",
};

/** Replaces what an earlier build wrote. All paths in the output are relative, so that it can be moved. */
export async function writeProject(project: Project, place: Place): Promise<void> {
  const { outDir } = place;
  await Deno.remove(join(outDir, "static"), { recursive: true }).catch(ignoreMissing);
  const files = [...project.staticFiles];
  for (const [name, content] of project.scripts) {
    const pathname = scriptUrl(project, name);
    const path = join(outDir, "static", ...pathname.split("/"));
    await Deno.mkdir(dirname(path), { recursive: true });
    await Deno.writeFile(path, content);
    files.push({ pathname, path });
  }
  await Deno.writeTextFile(join(outDir, "snapshot.js"), await snapshotSource(project, files, place));
  await Deno.writeTextFile(join(outDir, "server.js"), serverSource(place));
}

async function snapshotSource(
  project: Project,
  files: readonly StaticSource[],
  { root, outDir }: Place,
): Promise<string> {
  const { routes, islands, buildId } = project;
  return lines(
    WARNING,
    ...islands.map(({ path }, i) => `import island${i} from ${specifier(outDir, path)};`),
    ...routes.map(({ path }, i) => `import * as route${i} from ${specifier(outDir, path)};`),
    "",
    `export const version = ${json(buildId)};`,
    `export const clientEntry = ${json(scriptUrl(project, `${RUNTIME_NAME}.js`))};`,
    "export const islands = new Map([",
    ...islands.map(({ name }, i) => {
      return `  [island${i}, ${json({ name, file: scriptUrl(project, `${name}.js`) })}],`;
    }),
    "]);",
    "export const fsRoutes = [",
    ...routes.map(({ path: _, ...route }, i) => `  { ...${json(route)}, mod: route${i} },`),
    "];",
    "export const staticFiles = new Map([",
    ...await Promise.all(files.map(async ({ pathname, path }) => {
      const hash = createHash("sha256").update(await Deno.readFile(path)).digest("hex");
      const contentType = CONTENT_TYPES[extname(path).toLowerCase()] ?? "application/octet-stream";
      return `  [${json(pathname)}, ${
        json({ filePath: toPosix(relative(root, path)), hash, contentType })
      }],`;
    })),
    "]);",
  );
}

function serverSource({ root, outDir }: Place): string {
  return lines(
    WARNING,
    'import { createBuildCache, setBuildCache } from "fresh/internal";',
    'import { join } from "node:path";',
    `import { app } from ${specifier(outDir, join(root, "main.ts"))};`,
    'import * as snapshot from "./snapshot.js";',
    "",
    `const root = join(import.meta.dirname, ${json(toPosix(relative(outDir, root)))});`,
    'setBuildCache(app, createBuildCache(root, snapshot), "production");',
    "",
    "export default { fetch: app.handler() };",
  );
}

function scriptUrl({ buildId }: Project, name: string): string {
  return `/_fresh/js/${buildId}/${name}`;
}

/** How a module in `folder` imports the one at `path`, as a literal. */
function specifier(folder: string, path: string): string {
  const steps = toPosix(relative(folder, path)).split("/");
  const encoded = steps.map((step) => step === ".." ? step : encodeURIComponent(step)).join("/");
  return json(encoded.startsWith(".") ? encoded : `./${encoded}`);
}

function toPosix(path: string): string {
  return path.replaceAll(sep, "/");
}

function lines(...texts: string[]): string {
  return texts.map((text) => `${text}\n`).join("");
}

function json(value: unknown): string {
  return JSON.stringify(value);
}

function ignoreMissing(error: unknown): void {
  if (!(error instanceof Deno.errors.NotFound)) throw error;
}
