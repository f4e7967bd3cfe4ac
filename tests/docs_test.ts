/** The client's faces are documented, and the examples in doc comments and READMEs compile. */
import assert from "node:assert/strict";

const ROOT = new URL("../", import.meta.url).pathname;
const { exports } = JSON.parse(await Deno.readTextFile(`${ROOT}deno.json`)) as {
  exports: Record<string, string>;
};
/** Nobody uses what an example makes, nor all that stands ready for it. */
const UNUSED = /^TS6(133|192|196|198) /;

async function deno(args: string[]): Promise<string> {
  const { stderr } = await new Deno.Command(Deno.execPath(), {
    args,
    cwd: ROOT,
    env: { NO_COLOR: "1" },
    stdout: "null",
  }).output();
  return new TextDecoder().decode(stderr);
}

/** The sources below `folder` that hold an example. */
async function withExamples(folder: string): Promise<string[]> {
  const found: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(ROOT + folder)) {
    const path = `${folder}/${name}`;
    if (isDirectory) found.push(...await withExamples(path));
    else if (/^ \* ```tsx?$/m.test(await Deno.readTextFile(ROOT + path))) found.push(path);
  }
  return found;
}

Deno.test("everything public of the client has a doc comment, down to the fields of the contract", async () => {
  const faces = Object.entries(exports).filter(([name]) => name.startsWith("./client"));
  assert.equal(await deno(["doc", "--lint", "--quiet", ...faces.map(([, path]) => path)]), "");
});

Deno.test("the examples in doc comments and READMEs compile", async () => {
  const files = [...await withExamples("lib"), "README.md", "lib/engine/README.md"];
  const output = await deno(["check", "--doc-only", "--quiet", ...files]);
  const errors = output.split("\n\n").filter((part) => /^TS\d+ /.test(part));
  assert.deepEqual(errors.filter((error) => !UNUSED.test(error)), []);
  const count = Number(/^Found (\d+) errors/m.exec(output)?.[1] ?? (output === "" ? 0 : 1));
  assert.equal(errors.length, count, `no other reason to fail: ${output}`);
});

Deno.test("every test that SECURITY.md names exists", async () => {
  const named = (await Deno.readTextFile(`${ROOT}SECURITY.md`)).match(/\btests\/[\w/.]+/g) ?? [];
  assert.ok(named.length > 10);
  for (const path of named) assert.ok((await Deno.stat(ROOT + path)).isFile, path);
});
