/** Static files and scripts of the built fixture. */
import assert from "node:assert/strict";
import { serveFixture } from "./support.ts";

Deno.test("staticFiles()", async (t) => {
  await using fixture = await serveFixture();
  const { get, text } = fixture;
  const buildId = /__frsh_c=(\w+)/.exec(await text("/head"))![1]!;

  await t.step("serves a file with its type, its length and a weak entity tag", async () => {
    const response = await get("/style.css");
    assert.equal(response.status, 200);
    assert.equal(response.headers.get("content-type"), "text/css; charset=UTF-8");
    assert.match(response.headers.get("etag")!, /^W\/"[0-9a-f]{64}"$/);
    assert.equal(response.headers.get("cache-control"), "no-cache, no-store, max-age=0, must-revalidate");
    assert.equal(Number(response.headers.get("content-length")), (await response.bytes()).length);
  });

  await t.step("answers 304 to the entity tag it gave", async () => {
    const first = await get("/style.css");
    await first.body?.cancel();
    const again = await get("/style.css", { headers: { "If-None-Match": first.headers.get("etag")! } });
    assert.deepEqual([again.status, await again.text()], [304, ""]);
  });

  await t.step("answers HEAD without a body and any other method with 405", async () => {
    const head = await get("/style.css", { method: "HEAD" });
    assert.deepEqual([head.status, await head.text()], [200, ""]);
    const post = await get("/style.css", { method: "POST" });
    assert.equal(post.status, 405);
    await post.body?.cancel();
  });

  await t.step("lets what carries the build id be cached for a year", async () => {
    const locked = await get(`/style.css?__frsh_c=${buildId}`);
    assert.equal(locked.headers.get("cache-control"), "public, max-age=31536000, immutable");
    await locked.body?.cancel();
    const script = await get(`/_fresh/js/${buildId}/fresh-runtime.js`);
    assert.equal(script.headers.get("cache-control"), "public, max-age=31536000, immutable");
    assert.equal(script.headers.get("content-type"), "text/javascript; charset=UTF-8");
    await script.body?.cancel();
  });

  await t.step("redirects a stale key to the file itself", async () => {
    const response = await get("/style.css?a=1&__frsh_c=stale");
    assert.deepEqual([response.status, response.headers.get("location")], [307, "/style.css?a=1"]);
    await response.body?.cancel();
  });

  await t.step(
    "serves names that need encoding, and .well-known, and no hidden or foreign file",
    async () => {
      assert.equal(await text("/a%20b@(c).txt"), "a name to encode\n");
      assert.match(await text("/.well-known/security.txt"), /contact/);
      for (const path of ["/.hidden/file.txt", "/%2e%2e/main.ts", "/..%2fmain.ts", "/main.ts", "/%"]) {
        const response = await get(path);
        assert.equal(response.status, 404, path);
        await response.body?.cancel();
      }
    },
  );

  await t.step("answers a missing favicon with a bare 404", async () => {
    const response = await get("/favicon.ico");
    assert.deepEqual([response.status, await response.text()], [404, ""]);
  });
});
