/** The files of the static folder: which there are, and under which URL path each is served. */
import { join, relative, sep } from "node:path";
import { sha256 } from "./hash.ts";
import { listFiles } from "./walk.ts";

export interface StaticEntry {
  /** Decoded URL path. */
  pathname: string;
  path: string;
  hash: string;
}

/** Hidden files are left out, except below ".well-known". */
export async function readStaticDir(staticDir: string): Promise<StaticEntry[]> {
  const entries: StaticEntry[] = [];
  for (const path of await listFiles(staticDir)) {
    const parts = relative(staticDir, path).split(sep);
    if (parts.some((part) => part.startsWith(".") && part !== ".well-known")) {
      continue;
    }
    entries.push({ pathname: `/${parts.join("/")}`, path, hash: await sha256(await Deno.readFile(path)) });
  }
  return entries;
}

/** The path of the file that a decoded URL path names, or null when that lies outside the folder. */
export function staticPath(staticDir: string, pathname: string): string | null {
  const path = join(staticDir, pathname);
  return path.startsWith(staticDir + sep) ? path : null;
}
