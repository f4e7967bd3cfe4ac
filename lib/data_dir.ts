/** The folder that outlives the process: only its owner reads what is in it. */
import { ConfigError } from "./config.ts";

/** Makes the folder where it is missing, and opens the database in it; `null`: the managed one of Deno Deploy. */
export async function openDatabase(dataDir: string | null): Promise<Deno.Kv> {
  if (dataDir === null) return await Deno.openKv();
  const path = `${dataDir}/tether.kv`;
  try {
    await Deno.mkdir(dataDir, { recursive: true, mode: 0o700 });
    // made before SQLite opens it, whose other files take its mode over
    (await Deno.open(path, { create: true, write: true, mode: 0o600 })).close();
    return await Deno.openKv(path);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new ConfigError([`DATA_DIR ${dataDir} cannot be written: ${reason}`]);
  }
}
