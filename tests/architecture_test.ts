/** Holds the layout and the import rules: it reads the module graph, so that no rule depends on good intentions. */
import assert from "node:assert/strict";

const ROOT = new URL("../", import.meta.url);

interface Edge {
  from: string;
  to: string;
  /** Whether code is imported, not only types. */
  code: boolean;
}

/** What each place may import of the others. `lib/log.ts`, `lib/metrics.ts` and `lib/due_index.ts` are open to all server code. */
const MAY_IMPORT: Record<string, readonly string[]> = {
  "protocol": [],
  "engine": [],
  "config": [],
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
  "web": ["auth", "roster", "channel", "socket", "protocol", "metrics"],
  "web/components": ["client", "protocol"],
  "fresh": [],
  "islands": ["client", "web/components"],
  "routes": ["web", "web/components", "protocol", "islands"],
};

/** Files that import nothing and that anybody may import. */
const OPEN_TO_ALL = new Set(["backoff", "batches", "bounded_body", "due_index", "emitter", "fresh"]);

/** The place a file belongs to; `undefined` for the roots and the tests, which may import anything. */
function placeOf(path: string): string | undefined {
  if (path.startsWith("lib/web/components/")) return "web/components";
  const match = /^(?:lib\/(\w+)(?:\/|\.ts$)|(routes|islands)\/)/.exec(path);
  return match?.[1] ?? match?.[2];
}

async function sources(directory: string): Promise<string[]> {
  const paths: string[] = [];
  for await (const entry of Deno.readDir(new URL(directory, ROOT))) {
    const path = `${directory}${entry.name}`;
    if (entry.isDirectory) paths.push(...await sources(`${path}/`));
    else if (/\.tsx?$/.test(entry.name)) paths.push(path);
  }
  return paths;
}

async function allSources(): Promise<string[]> {
  const folders = await Promise.all(["lib/", "routes/", "islands/", "tests/"].map(sources));
  return ["main.ts", "stores.ts", "serve.ts", "dev.ts", "healthcheck.ts", ...folders.flat()];
}

interface Info {
  modules: {
    specifier: string;
    dependencies?: { specifier: string; code?: { specifier?: string }; type?: { specifier?: string } }[];
  }[];
}

/** Every import of the project's files; a package is named as it is imported. */
async function readEdges(): Promise<Edge[]> {
  const entry = await Deno.makeTempFile({ suffix: ".ts" });
  try {
    const imports = (await allSources()).map((path) => `import ${JSON.stringify(new URL(path, ROOT).href)};`);
    await Deno.writeTextFile(entry, imports.join("\n"));
    const { stdout, success, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["info", "--json", "--config", new URL("deno.json", ROOT).pathname, entry],
    }).output();
    assert.ok(success, new TextDecoder().decode(stderr));
    const info: Info = JSON.parse(new TextDecoder().decode(stdout));
    return info.modules
      .filter(({ specifier }) => specifier.startsWith(ROOT.href))
      .flatMap(({ specifier, dependencies = [] }) =>
        dependencies.map(({ specifier: name, code, type }) => {
          const target = code?.specifier ?? type?.specifier ?? name;
          return {
            from: specifier.slice(ROOT.href.length),
            to: target.startsWith(ROOT.href) ? target.slice(ROOT.href.length) : name,
            code: code !== undefined,
          };
        })
      );
  } finally {
    await Deno.remove(entry);
  }
}

const edges = await readEdges();

function describe({ from, to }: Edge): string {
  return `${from} imports ${to}`;
}

/** Whether `to` names a package rather than a file. */
function isPackage(to: string): boolean {
  return !/\.(tsx?|js|json)$/.test(to);
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
  "@socket.io/redis-streams-adapter": /^(lib\/eventlog|tests)\//,
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
