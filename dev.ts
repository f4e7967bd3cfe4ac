/** Builds the islands and the page assets, once (`dev.ts build`) or at every change (`dev.ts`). */
import { Builder } from "fresh/dev";

const SOURCES = ["deno.json", "dev.ts", "main.ts", "routes", "islands", "static", "lib"];

/** The newest modification time below `path`, in milliseconds. */
async function newest(path: string): Promise<number> {
  const { isDirectory, mtime } = await Deno.stat(path);
  let time = mtime?.getTime() ?? 0;
  if (!isDirectory) return time;
  for await (const entry of Deno.readDir(path)) time = Math.max(time, await newest(`${path}/${entry.name}`));
  return time;
}

async function isBuilt(): Promise<boolean> {
  try {
    const built = await newest("_fresh/server.js");
    return (await Promise.all(SOURCES.map(newest))).every((time) => time <= built);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

const builder = new Builder();
if (!Deno.args.includes("build")) {
  const { tether } = await import("./main.ts");
  const { port, hostname } = tether.config;
  await builder.listen(() => import("./main.ts"), { port, hostname });
} else if (!(Deno.args.includes("--when-needed") && await isBuilt())) await builder.build();
