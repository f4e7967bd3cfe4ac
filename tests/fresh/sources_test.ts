/** What the names of a project's files mean. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { compareRoutes, pathToPattern } from "../../lib/fresh/build/route_pattern.ts";
import { findSources } from "../../lib/fresh/build/sources.ts";
import { FIXTURE } from "./support.ts";

Deno.test("pathToPattern() gives the pattern of a file's path", () => {
  const patterns: Record<string, string> = {
    "": "/",
    "index": "/",
    "about": "/about",
    "openapi.json": "/openapi.json",
    "blog/index": "/blog",
    "blog/[id]": "/blog/:id",
    "blog/[id]/edit": "/blog/:id/edit",
    "files/[...path]": "/files/:path*",
  };
  for (const [path, pattern] of Object.entries(patterns)) assert.equal(pathToPattern(path), pattern);
});

Deno.test("pathToPattern() refuses names of Fresh that the stand-in does not know, and those that mean nothing", () => {
  for (const path of ["[[id]]", "(group)/a", "a-[id]", "[a][b]", "[a", "a]"]) {
    assert.throws(() => pathToPattern(path), SyntaxError, path);
  }
});

Deno.test("compareRoutes() puts the more specific pattern first", () => {
  const sorted = ["/", "/a", "/a/b", "/a/:id", "/a/:id/c", "/a/:rest*", "/:any", "/:rest*"];
  assert.deepEqual(sorted.toReversed().sort(compareRoutes), sorted);
});

Deno.test("findSources() finds routes, islands and static files, and leaves hidden files out", async () => {
  const { routes, islands, staticFiles } = await findSources(FIXTURE);
  assert.deepEqual(
    routes.filter(({ kind }) => kind !== "route").map(({ id, kind, pattern }) => [id, kind, pattern]),
    [
      ["_app", "app", "/"],
      ["_middleware", "middleware", "/"],
      ["blog/_middleware", "middleware", "/blog"],
    ],
  );
  assert.deepEqual(routes.find(({ id }) => id === "blog/[id]"), {
    id: "blog/[id]",
    path: join(FIXTURE, "routes/blog/[id].tsx"),
    kind: "route",
    pattern: "/blog/:id",
  });
  assert.deepEqual(islands.map(({ name }) => name), ["counter", "local", "outer"]);
  const paths = staticFiles.map(({ pathname }) => pathname);
  assert.ok(paths.includes("/.well-known/security.txt") && paths.includes("/a b@(c).txt"));
  assert.ok(!paths.some((path) => path.includes("hidden")));
});

Deno.test("findSources() refuses a special file that the stand-in would not heed", async () => {
  const root = await Deno.makeTempDir({ prefix: "fresh-test-" });
  try {
    await Deno.mkdir(join(root, "routes"));
    await Deno.writeTextFile(join(root, "routes/_layout.tsx"), "");
    await assert.rejects(findSources(root), /Cannot use routes\/_layout\.tsx/);
  } finally {
    await Deno.remove(root, { recursive: true });
  }
});
