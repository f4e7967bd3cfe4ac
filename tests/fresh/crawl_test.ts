/** What the names of route files mean. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { crawl } from "../../lib/fresh/build/crawl.ts";
import { compareRoutes, pathToPattern } from "../../lib/fresh/build/path_to_pattern.ts";
import { FIXTURE } from "./support.ts";

Deno.test("pathToPattern() gives the pattern of a file's path", () => {
  const patterns: Record<string, string> = {
    "index": "/",
    "about": "/about",
    "blog/index": "/blog",
    "blog/[id]": "/blog/:id",
    "blog/[id]/edit": "/blog/:id/edit",
    "blog/[[id]]": "/blog{/:id}?",
    "[[lang]]/about": "{/:lang}?/about",
    "files/[...path]": "/files/:path*",
    "(group)/about": "/about",
    "(group)/index": "/",
    "[a]@[b].json": "/:a@:b.json",
  };
  for (const [path, pattern] of Object.entries(patterns)) {
    assert.equal(pathToPattern(path, { keepGroups: false }), pattern);
  }
  assert.equal(pathToPattern("(group)/about", { keepGroups: true }), "/(group)/about");
});

Deno.test("pathToPattern() refuses names that no pattern can express", () => {
  for (const path of ["[a][b]", "[a", "a]", "x-[[a]]", "[[a]]-x"]) {
    assert.throws(() => pathToPattern(path, { keepGroups: false }), SyntaxError, path);
  }
});

Deno.test("compareRoutes() puts the more specific pattern first", () => {
  const sorted = [
    "/",
    "/a",
    "/a/b",
    "/a/x-:id",
    "/a/:id",
    "/a/:id/c",
    "/a{/:id}?",
    "/a/:rest*",
    "/:any",
    "/:rest*",
  ];
  assert.deepEqual(sorted.toReversed().sort(compareRoutes), sorted);
});

Deno.test("crawl() finds routes and islands, and leaves private folders and tests out", async () => {
  const { routes, islands } = await crawl({
    routeDir: join(FIXTURE, "routes"),
    islandDir: join(FIXTURE, "islands"),
    ignore: [/plain/],
  });
  const ids = routes.map(({ id }) => id);
  assert.ok(ids.includes("(group)/grouped") && ids.includes("blog/[id]"));
  assert.ok(!ids.some((id) => id.includes("hidden") || id.includes("local") || id.includes("plain")));
  assert.deepEqual(
    routes.find(({ id }) => id === "secret/index"),
    {
      id: "secret/index",
      path: join(FIXTURE, "routes/secret/index.tsx"),
      kind: "route",
      pattern: "/secret/",
      routePattern: "/secret",
    },
  );
  assert.deepEqual(islands.map((path) => path.slice(FIXTURE.length)), [
    "islands/counter.tsx",
    "islands/outer.tsx",
    "islands/props.tsx",
    "islands/toggle.tsx",
    "routes/(_islands)/local.tsx",
  ]);
});
