/** Which test files there are, which of them need nothing but Deno, and in which order a run takes them. */

const TESTS = new URL("../", import.meta.url);

/** What a test file starts, itself or in what it imports of the tests. */
type Kind = "browser" | "processes" | "nothing";

/**
 * All test files, as `deno test` takes them. Those that start something take long and come first, so that none is left
 * over at the end; those with a browser in turn with the others, for there are only so many browsers at a time.
 */
export async function testFiles(): Promise<string[]> {
  const kinds = await filesByKind();
  const { browser = [], processes = [], nothing = [] } = kinds;
  const early = processes.flatMap((path, index) => index % 2 === 0 ? [browser.shift(), path] : [path]);
  return [...early.filter((path) => path !== undefined), ...browser, ...nothing];
}

/** Those that start neither a process nor a browser. */
export async function unitFiles(): Promise<string[]> {
  return (await filesByKind()).nothing ?? [];
}

async function filesByKind(): Promise<Partial<Record<Kind, string[]>>> {
  const known = new Map<string, Promise<Kind>>();
  const kindOf = (file: URL): Promise<Kind> =>
    known.getOrInsertComputed(file.href, async () => {
      if (file.href.endsWith("/browser_turn.ts")) return "browser";
      const text = await Deno.readTextFile(file);
      const imported = [...text.matchAll(/^(?:import|export|\}) .*\bfrom "(\.[^"]+)"/gm)].map(([, path]) =>
        new URL(path!, file)
      );
      const kinds = await Promise.all(imported.filter(({ href }) => href.startsWith(TESTS.href)).map(kindOf));
      if (text.includes("Deno.Command")) kinds.push("processes");
      return kinds.find((kind) => kind === "browser") ?? kinds.find((kind) => kind === "processes") ??
        "nothing";
    });
  const files = (await filesBelow(TESTS)).sort((a, b) => a.href < b.href ? -1 : 1);
  const kinds = await Promise.all(files.map(kindOf));
  const paths = files.map(({ href }) => `tests/${href.slice(TESTS.href.length)}`);
  return Object.groupBy(paths, (_, index) => kinds[index]!);
}

async function filesBelow(folder: URL): Promise<URL[]> {
  const found: URL[] = [];
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    if (isDirectory) found.push(...await filesBelow(new URL(`${name}/`, folder)));
    else if (/_test\.tsx?$/.test(name)) found.push(new URL(name, folder));
  }
  return found;
}
