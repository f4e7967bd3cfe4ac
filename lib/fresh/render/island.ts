/** Which components are islands, and where the browser finds their code. */
import type { ComponentType } from "preact";

export interface Island {
  /** Unique among all islands of the app. */
  name: string;
  exportName: string;
  /** URL path of the script that exports it, without the base path. */
  file: string;
  fn: ComponentType;
}

export type IslandRegistry = Map<ComponentType, Island>;

/** Registers every exported function of an island module. */
export function registerIslands(
  registry: IslandRegistry,
  { mod, file, name }: {
    mod: Record<string, unknown>;
    file: string;
    name: string;
  },
): void {
  const taken = new Set(Array.from(registry.values(), (island) => island.name));
  for (const [exportName, value] of Object.entries(mod)) {
    if (typeof value !== "function") continue;
    const wanted = exportName === "default" ? name : exportName;
    let unique = wanted;
    for (let n = 1; taken.has(unique); n++) unique = `${wanted}_${n}`;
    taken.add(unique);
    const fn = value as ComponentType;
    registry.set(fn, { name: unique, exportName, file, fn });
  }
}
