/** Holds the layout and the import rules: it reads the module graph, so that no rule depends on good intentions. */
import assert from "node:assert/strict";
import { allSources, type Edge, isPackage, readEdges, ROOT, sources } from "./support/module_graph.ts";
import { type UnusedExport, unusedExports } from "./support/unused_exports.ts";

/** What each place may import of the others. `lib/log.ts`, `lib/metrics.ts` and `lib/due_index.ts` are open to all server code. */
const MAY_IMPORT: Record<string, readonly string[]> = {
  "protocol": [],
  "engine": [],
  "address_group": [],
  "config": [],
  "listener": ["log", "supervise"],
  "memory_guard": ["log"],
  "data_dir": ["config"],
  "start_error": ["config"],
  "log": [],
  "metrics": [],
  "backoff": [],
  "batches": [],
  "bounded_body": [],
  "emitter": [],
  "due_index": [],
  "supervise": ["log", "metrics"],
  "redis": ["protocol", "log", "metrics", "supervise"],
  "auth": ["redis", "protocol", "log", "metrics", "supervise"],
  "roster": ["redis", "protocol", "log", "metrics", "supervise"],
  "channel": ["redis", "protocol", "log", "metrics", "supervise"],
  "eventlog": ["redis", "protocol", "engine", "log", "metrics", "supervise"],
  "socket": [
    ...["auth", "roster", "channel", "eventlog", "redis", "protocol", "engine"],
    ...["config", "log", "metrics", "supervise"],
  ],
  "client": ["protocol"],
  "web": ["auth", "roster", "channel", "socket", "redis", "protocol", "metrics"],
  "web/components": ["client", "protocol"],
  "fresh": [],
  "islands": ["client", "web/components"],
  "routes": ["web", "web/components", "protocol", "islands"],
};

/** Files that import nothing and that anybody may import. */
const OPEN_TO_ALL = new Set([
  "address_group",
  "backoff",
  "batches",
  "bounded_body",
  "due_index",
  "emitter",
  "fresh",
]);

/** The place a file belongs to; `undefined` for the roots and the tests, which may import anything. */
function placeOf(path: string): string | undefined {
  if (path.startsWith("lib/web/components/")) return "web/components";
  const match = /^(?:lib\/(\w+)(?:\/|\.ts$)|(routes|islands)\/)/.exec(path);
  return match?.[1] ?? match?.[2];
}

const edges = await readEdges();
const config = JSON.parse(await Deno.readTextFile(new URL("deno.json", ROOT))) as {
  imports: Record<string, string>;
  exports: Record<string, string>;
};

function describe({ from, to }: Edge): string {
  return `${from} imports ${to}`;
}

Deno.test("architecture: every import follows the picture", () => {
  const wrong = edges.filter(({ from, to }) => {
    const source = placeOf(from), target = placeOf(to);
    if (source === undefined || isPackage(to)) return false;
    if (target === undefined) return true;
    return target !== source && !OPEN_TO_ALL.has(target) && !MAY_IMPORT[source]?.includes(target);
  });
  assert.deepEqual(wrong.map(describe), []);
});

Deno.test("architecture: every folder of lib has its rules", async () => {
  const places = new Set((await sources("lib/")).map(placeOf));
  assert.deepEqual([...places].filter((place) => place === undefined || !(place in MAY_IMPORT)), []);
});

Deno.test("architecture: nothing outside tests imports tests", () => {
  assert.deepEqual(
    edges.filter(({ from, to }) => to.startsWith("tests/") && !from.startsWith("tests/")).map(describe),
    [],
  );
});

Deno.test("architecture: there is no cycle, not even of types", () => {
  const graph = Map.groupBy(edges.filter(({ to }) => !isPackage(to)), ({ from }) => from);
  const done = new Set<string>(), path: string[] = [];
  function visit(file: string): void {
    if (done.has(file)) return;
    const start = path.indexOf(file);
    assert.equal(start, -1, `a cycle: ${[...path.slice(start), file].join(" → ")}`);
    path.push(file);
    for (const { to } of graph.get(file) ?? []) visit(to);
    path.pop();
    done.add(file);
  }
  for (const file of graph.keys()) visit(file);
});

const ONLY_IMPORTED_BY: Record<string, RegExp> = {
  "redis": /^(lib\/redis|tests)\//,
  "socket.io-client": /^(lib\/client|tests)\//,
  "engine.io-parser": /^(lib\/engine|tests)\//,
  "esbuild": /^(lib\/fresh\/build|tests)\//,
  "prom-client": /^lib\/metrics\.ts$/,
  "pino": /^lib\/log\.ts$/,
};

Deno.test("architecture: each package is imported only where it belongs", () => {
  const wrong = edges.filter(({ from, to }) => !(ONLY_IMPORTED_BY[to]?.test(from) ?? true));
  assert.deepEqual(wrong.map(describe), []);
});

Deno.test("architecture: engine and protocol import nothing but their one package", () => {
  const wrong = edges.filter(({ from, to, code }) =>
    code && isPackage(to) && (
      (from.startsWith("lib/engine/") && to !== "engine.io-parser") ||
      (from.startsWith("lib/protocol/") && to !== "valibot")
    )
  );
  assert.deepEqual(wrong.map(describe), []);
});

Deno.test("architecture: only main.ts and lib/config.ts read the environment", async () => {
  const readers: string[] = [];
  for (const path of await allSources()) {
    if (/^(main\.ts|healthcheck\.ts|lib\/config\.ts|lib\/fresh\/|tests\/)/.test(path)) continue;
    if (/\bDeno\.env\b|\bprocess\.env\b/.test(await Deno.readTextFile(new URL(path, ROOT)))) {
      readers.push(path);
    }
  }
  assert.deepEqual(readers, []);
});

Deno.test("architecture: no server code is reachable from an island", () => {
  const graph = Map.groupBy(edges.filter(({ code }) => code), ({ from }) => from);
  const reached = new Set(edges.map(({ from }) => from).filter((from) => from.startsWith("islands/")));
  for (const file of reached) for (const { to } of graph.get(file) ?? []) reached.add(to);
  const server = [...reached].filter((file) =>
    file.startsWith("node:") ||
    (file.startsWith("lib/") &&
      !/^lib\/((client|protocol|web\/components|fresh)\/|(backoff|emitter)\.ts$)/.test(file))
  );
  assert.deepEqual(server, []);
});

Deno.test("architecture: what changes something is below /api, which other sites' pages cannot reach", async () => {
  const wrong: string[] = [];
  for (const path of await sources("routes/")) {
    if (path.startsWith("routes/api/")) continue;
    if (/\b(POST|PUT|PATCH|DELETE)\b/.test(await Deno.readTextFile(new URL(path, ROOT)))) wrong.push(path);
  }
  assert.deepEqual(wrong, []);
});

/** Files whose exports are there for others: the public faces, and what the code that a build writes calls. */
const FACES = new Set([
  ...Object.values(config.exports).map((path) => path.slice("./".length)),
  ...["lib/fresh/internal.ts", "lib/fresh/client/boot.ts", "lib/fresh/client/jsx.ts"],
]);

async function unusedOfLib(counts: (path: string) => boolean): Promise<UnusedExport[]> {
  const texts = new Map<string, string>();
  for (const path of await allSources()) texts.set(path, await Deno.readTextFile(new URL(path, ROOT)));
  return unusedExports({ texts, edges, counts, faces: FACES }).filter(({ path, isType }) =>
    // the app names few of Fresh's types, and each belongs to something that it uses
    path.startsWith("lib/") && !(isType && /^lib\/fresh\/(mod|dev|runtime)\.ts$/.test(path))
  );
}

Deno.test("architecture: nothing is exported that no other file imports", async () => {
  assert.deepEqual((await unusedOfLib(() => true)).map(({ key }) => key), []);
});

Deno.test("architecture: nothing is there for the tests alone", async () => {
  const unused = await unusedOfLib((path) => !path.startsWith("tests/"));
  assert.deepEqual(unused.filter(({ usedInside }) => !usedInside).map(({ key }) => key), []);
});

Deno.test("architecture: every package in deno.json is imported", () => {
  const imported = [...new Set(edges.map(({ specifier }) => specifier))];
  // types that a package does not bring along
  const typed = (name: string): string =>
    name.replace(/^@types\/(?:(\w+)__)?/, (_, scope) => scope ? `@${scope}/` : "");
  const unused = Object.keys(config.imports).filter((name) =>
    !imported.some((specifier) => `${specifier}/`.startsWith(`${typed(name)}/`))
  );
  assert.deepEqual(unused, []);
});
