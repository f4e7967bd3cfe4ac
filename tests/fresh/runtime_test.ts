/** `fresh/runtime` on the server, and that nothing is exported which Fresh does not export. */
import assert from "node:assert/strict";
import * as fresh from "fresh";
import * as dev from "fresh/dev";
import * as runtime from "fresh/runtime";

Deno.test("asset() locks paths of this site to the build and leaves everything else alone", () => {
  const { asset } = runtime;
  assert.match(asset("/a.css"), /^\/a\.css\?__frsh_c=\w+$/);
  assert.match(asset("/a.css?b=c#d"), /^\/a\.css\?b=c&__frsh_c=\w+#d$/);
  assert.match(asset("/a.css", "/base"), /^\/base\/a\.css\?__frsh_c=\w+$/);
  assert.equal(asset(asset("/a.css")), asset("/a.css"));
  for (const other of ["a.css", "//cdn.example/a.css", "https://cdn.example/a.css"]) {
    assert.equal(asset(other), other);
  }
});

Deno.test("assetSrcSet() locks every URL of a srcset", () => {
  assert.match(
    runtime.assetSrcSet("/a.png 1x, /b.png 2x"),
    /^\/a\.png\?__frsh_c=\w+ 1x, \/b\.png\?__frsh_c=\w+ 2x$/,
  );
});

Deno.test("IS_BROWSER is false on the server", () => {
  assert.equal(runtime.IS_BROWSER, false);
});

Deno.test("the public modules export only names that Fresh 2.3 exports", () => {
  const names = {
    fresh: [
      "App",
      "HttpError",
      "cors",
      "createDefine",
      "csp",
      "csrf",
      "page",
      "staticFiles",
      "trailingSlashes",
    ],
    runtime: ["HttpError", "Head", "IS_BROWSER", "asset", "assetSrcSet"],
    dev: ["Builder"],
  };
  assert.deepEqual(Object.keys(fresh).sort(), names.fresh);
  assert.deepEqual(Object.keys(runtime).sort(), names.runtime.sort());
  assert.deepEqual(Object.keys(dev), names.dev);
});
