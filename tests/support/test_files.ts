/** Which test files there are, which of them need nothing but Deno, and in which order a run takes them. */

const TESTS = new URL("../", import.meta.url);
/** What takes long begins early, so that no long file is left over at the end. */
const EARLY = /^tests\/(e2e|fleet|compat|redis|session|fresh)\//;

/** The paths of all test files, as `deno test` takes them. */
export async function testFiles(): Promise<string[]> {
  const paths = (await filesBelow(TESTS)).map(({ pathname }) =>
    `tests/${pathname.slice(TESTS.pathname.length)}`
  );
  return paths.sort((a, b) => Number(EARLY.test(b)) - Number(EARLY.test(a)) || (a < b ? -1 : 1));
}

async function filesBelow(folder: URL): Promise<URL[]> {
  const found: URL[] = [];
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    if (isDirectory) found.push(...await filesBelow(new URL(`${name}/`, folder)));
    else if (/_test\.tsx?$/.test(name)) found.push(new URL(name, folder));
  }
  return found;
}

/** Those that start neither a process nor a browser, themselves or in what they import of the tests. */
export async function unitFiles(): Promise<string[]> {
  const known = new Map<string, Promise<boolean>>();
  const startsNothing = (file: URL): Promise<boolean> =>
    known.getOrInsertComputed(file.href, async () => {
      const text = await Deno.readTextFile(file);
      if (/\bDeno\.Command\b|"playwright-core"/.test(text)) return false;
      const imported = [...text.matchAll(/\bfrom "(\.[^"]+)"/g)].map(([, path]) => new URL(path!, file));
      const ours = imported.filter(({ href }) => href.startsWith(TESTS.href));
      return (await Promise.all(ours.map(startsNothing))).every(Boolean);
    });
  const paths = await testFiles();
  const unit = await Promise.all(
    paths.map((path) => startsNothing(new URL(path.slice("tests/".length), TESTS))),
  );
  return paths.filter((_, index) => unit[index]);
}
