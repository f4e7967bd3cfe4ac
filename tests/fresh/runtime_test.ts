/** `fresh/runtime` on the server, and that nothing is exported which Fresh does not export. */
import assert from "node:assert/strict";
import * as fresh from "fresh";
import * as dev from "fresh/dev";
import * as runtime from "fresh/runtime";

Deno.test("asset() locks paths of this site to the build and leaves everything else alone", () => {
  const { asset } = runtime;
  assert.match(asset("/a.css"), /^\/a\.css\?__frsh_c=\w+$/);
  assert.match(asset("/a.css?b=c#d"), /^\/a\.css\?b=c&__frsh_c=\w+#d$/);
  assert.equal(asset(asset("/a.css")), asset("/a.css"));
  for (const other of ["a.css", "//cdn.example/a.css", "https://cdn.example/a.css"]) {
    assert.equal(asset(other), other);
  }
});

Deno.test("the public modules export names of Fresh 2.3 and no other", () => {
  const names = {
    fresh: ["App", "HttpError", "cors", "createDefine", "csp", "csrf", "page", "staticFiles"],
    runtime: ["Head", "asset"],
    dev: ["Builder"],
  };
  assert.deepEqual(Object.keys(fresh).sort(), names.fresh);
  assert.deepEqual(Object.keys(runtime).sort(), names.runtime);
  assert.deepEqual(Object.keys(dev), names.dev);
});
