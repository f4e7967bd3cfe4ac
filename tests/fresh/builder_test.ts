/** `Builder`: what a build writes, what it keeps from the server and the browser, and the development server. */
import assert from "node:assert/strict";
import { Builder } from "fresh/dev";
import { createHash } from "node:crypto";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { FIXTURE } from "./support.ts";

const REPOSITORY = fileURLToPath(new URL("../../", import.meta.url));

async function withTempDir(body: (dir: string) => Promise<void>): Promise<void> {
  const dir = await Deno.makeTempDir({ prefix: "fresh-test-" });
  try {
    await body(dir);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}

async function deno(
  args: string[],
  { cwd, env }: { cwd: string; env?: Record<string, string> },
): Promise<string> {
  const command = new Deno.Command(Deno.execPath(), { args, cwd, env: { NO_COLOR: "1", ...env } });
  const { success, stdout, stderr } = await command.output();
  if (!success) assert.fail(new TextDecoder().decode(stderr));
  return new TextDecoder().decode(stdout);
}

async function scripts(outDir: string): Promise<{ buildId: string; texts: Map<string, string> }> {
  const js = join(outDir, "static/_fresh/js");
  const [{ name: buildId }] = await Array.fromAsync(Deno.readDir(js)) as [Deno.DirEntry];
  const texts = new Map<string, string>();
  for await (const { name } of Deno.readDir(join(js, buildId))) {
    texts.set(name, await Deno.readTextFile(join(js, buildId, name)));
  }
  return { buildId, texts };
}

async function gzipSize(text: string): Promise<number> {
  const zipped = new Blob([text]).stream().pipeThrough(new CompressionStream("gzip"));
  return (await new Response(zipped).bytes()).length;
}

Deno.test("parity: the build id is the hash of what names the build in the environment, else of chance", async () => {
  const sha1 = (name: string) => createHash("sha1").update(name).digest("hex");
  const idWith = async (env: Record<string, string>) =>
    (await deno([
      "eval",
      `import { createBuildId } from "./lib/fresh/build/build_id.ts"; console.log(createBuildId())`,
    ], {
      cwd: REPOSITORY,
      env: { DENO_DEPLOYMENT_ID: "", GITHUB_SHA: "", CI_COMMIT_SHA: "", ...env },
    })).trim();
  assert.equal(await idWith({ DENO_DEPLOYMENT_ID: "d", GITHUB_SHA: "g", CI_COMMIT_SHA: "c" }), sha1("d"));
  assert.equal(await idWith({ GITHUB_SHA: "g", CI_COMMIT_SHA: "c" }), sha1("g"));
  assert.equal(await idWith({ CI_COMMIT_SHA: "c" }), sha1("c"));
  const [one, other] = await Promise.all([idWith({}), idWith({})]);
  assert.match(one, /^[0-9a-f]{40}$/);
  assert.notEqual(one, other);
});

Deno.test("build() replaces what it wrote before", async () => {
  await withTempDir(async (outDir) => {
    await new Builder({ root: FIXTURE, outDir }).build();
    const { buildId } = await scripts(outDir);
    await new Builder({ root: FIXTURE, outDir }).build();
    const again = await scripts(outDir);
    assert.notEqual(again.buildId, buildId);
    assert.match(
      await Deno.readTextFile(join(outDir, "snapshot.js")),
      new RegExp(`version = "${again.buildId}"`),
    );
  });
});

Deno.test("build() sends browsers no serialiser, no server code, and little in all", async () => {
  await withTempDir(async (outDir) => {
    await new Builder({ root: FIXTURE, outDir }).build();
    const { texts } = await scripts(outDir);
    for (const [name, text] of texts) {
      assert.doesNotMatch(text, /Cannot stringify|HttpError|Deno\.|modulepreload|sourceMappingURL/, name);
    }
    assert.doesNotMatch(texts.get("local.js")!, /loaded when asked/);
    const common = [...texts].filter(([name, text]) =>
      /^(fresh-runtime|chunk-)/.test(name) && !text.includes("loaded when asked")
    );
    const sizes = await Promise.all(common.map(([, text]) => gzipSize(text)));
    const total = sizes.reduce((sum, size) => sum + size, 0);
    assert.ok(total < 12_000, `Preact, signals and the runtime take ${total} bytes`);
    assert.equal(common.filter(([, text]) => text.includes("__H")).length, 1, "Preact is there once");
  });
});

Deno.test("build() keeps the bundler out of what the server loads", async () => {
  await withTempDir(async (outDir) => {
    await new Builder({ root: FIXTURE, outDir }).build();
    const graph = await deno(["info", "--json", join(outDir, "server.js")], { cwd: REPOSITORY });
    const modules: { specifier: string }[] = JSON.parse(graph).modules;
    assert.ok(modules.some(({ specifier }) => specifier.endsWith("lib/fresh/app.ts")));
    for (const { specifier } of modules) {
      assert.doesNotMatch(specifier, /esbuild|lib\/fresh\/(build|client)\//);
    }
  });
});

Deno.test("build() fails when an island imports what no browser has", async () => {
  await withTempDir(async (root) => {
    await Deno.mkdir(join(root, "islands"));
    await Deno.writeTextFile(
      join(root, "islands/server.tsx"),
      'import { readFileSync } from "node:fs"; export default () => readFileSync("/");',
    );
    await assert.rejects(new Builder({ root }).build(), /Cannot bundle "node:fs" for browsers/);
  });
});

Deno.test("a build runs under deno serve, also after its project was moved", async () => {
  await withTempDir(async (dir) => {
    const project = join(dir, "built");
    await copyDir(FIXTURE, project);
    const config = JSON.parse(await Deno.readTextFile(join(REPOSITORY, "deno.json")));
    config.links = [join(REPOSITORY, "lib/fresh")];
    await Deno.writeTextFile(join(project, "deno.json"), JSON.stringify(config));
    await Deno.copyFile(join(REPOSITORY, "deno.lock"), join(project, "deno.lock"));
    await Deno.writeTextFile(
      join(project, "dev.ts"),
      'import { Builder } from "fresh/dev";\nawait new Builder().build();\n',
    );
    await deno(["run", "-A", "dev.ts"], { cwd: project });
    const moved = join(dir, "moved");
    await Deno.rename(project, moved);

    const server = new Deno.Command(Deno.execPath(), {
      args: ["serve", "--allow-read", "--host=127.0.0.1", "--port=0", "_fresh/server.js"],
      cwd: moved,
      env: { NO_COLOR: "1" },
      stdout: "null",
      stderr: "piped",
    }).spawn();
    try {
      const origin = await listeningOrigin(server.stderr);
      const page = await (await fetch(`${origin}/counters`)).text();
      const [, script] = /from"([^"]+fresh-runtime\.js)"/.exec(page)!;
      const response = await fetch(origin + script);
      assert.equal(response.status, 200);
      await response.body?.cancel();
    } finally {
      server.kill();
      await server.status;
    }
  });
});

/** Reads a server's log until it says where it listens; the rest is discarded. */
async function listeningOrigin(log: ReadableStream<Uint8Array<ArrayBuffer>>): Promise<string> {
  let text = "";
  for await (const chunk of log.pipeThrough(new TextDecoderStream())) {
    text += chunk;
    const origin = /http:\/\/127\.0\.0\.1:\d+/.exec(text);
    if (origin !== null) return origin[0];
  }
  throw new Error(`The server ended: ${text}`);
}

async function copyDir(from: string, to: string): Promise<void> {
  await Deno.mkdir(to, { recursive: true });
  for await (const { name, isDirectory } of Deno.readDir(from)) {
    if (isDirectory) await copyDir(join(from, name), join(to, name));
    else await Deno.copyFile(join(from, name), join(to, name));
  }
}

Deno.test("listen() serves the app from memory and tells pages which start of the server they see", async () => {
  const stop = new AbortController();
  const listening = Promise.withResolvers<Deno.NetAddr>();
  const outDir = await Deno.makeTempDir({ prefix: "fresh-test-" });
  await new Builder({ root: FIXTURE, outDir }).listen(
    () => import(pathToFileURL(join(FIXTURE, "main.ts")).href),
    { port: 0, hostname: "127.0.0.1", signal: stop.signal, onListen: listening.resolve },
  );
  const { port } = await listening.promise;
  const origin = `http://127.0.0.1:${port}`;
  try {
    const page = await (await fetch(`${origin}/counters`)).text();
    const [, revision] = /EventSource\("\/_frsh\/alive"\).*e\.data!=="([\w-]+)"/.exec(page)!;
    const [, script] = /from"([^"]+fresh-runtime\.js)"/.exec(page)!;

    const runtime = await fetch(origin + script);
    assert.match(runtime.headers.get("cache-control")!, /no-store/);
    await runtime.body?.cancel();
    assert.match(await (await fetch(`${origin}/style.css`)).text(), /margin/);

    const alive = await fetch(`${origin}/_frsh/alive`);
    const reader = alive.body!.pipeThrough(new TextDecoderStream()).getReader();
    assert.match((await reader.read()).value!, new RegExp(`data: ${revision}\n\n`));
    await reader.cancel();
  } finally {
    stop.abort();
    await Deno.remove(outDir, { recursive: true });
  }
});
