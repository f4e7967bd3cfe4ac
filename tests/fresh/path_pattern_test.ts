/** The compiled matchers agree with `URLPattern`, which Fresh itself uses. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { compilePattern } from "../../lib/fresh/path_pattern.ts";

const PATTERNS = [
  "/a/:id",
  "/:id",
  "/:a/b/:c",
  "/a/*",
  "/*",
  "*",
  "/a/:rest*",
  "/:rest*",
  "/a/b.c-d/:id",
  "/:a/:rest*",
];

const path = fc.array(fc.constantFrom("", "a", "b", "b.c-d", "bxc-d", "12", "x-y", "%20", "%"), {
  maxLength: 4,
}).map((parts) => `/${parts.join("/")}`);

Deno.test("compilePattern() matches what URLPattern matches, with the same parameters", () => {
  for (const pattern of PATTERNS) {
    const matcher = compilePattern(pattern);
    const native = new URLPattern({ pathname: pattern });
    fc.assert(fc.property(path, (pathname) => {
      const groups = native.exec({ pathname })?.pathname.groups;
      const expected = groups === undefined
        ? null
        : Object.fromEntries(Object.entries(groups).map(([name, value]) => [name, value ?? ""]));
      assert.deepEqual(matcher(pathname), expected, `${pattern} on ${pathname}`);
    }));
  }
});

Deno.test("compilePattern() refuses what it does not know", () => {
  for (const pattern of ["/a{/:id}?", "/:id-:other", "/a/:n(\\d+)", "/*/a"]) {
    assert.throws(() => compilePattern(pattern), SyntaxError, pattern);
  }
});
