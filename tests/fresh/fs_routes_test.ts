/** File routes of the built fixture, asked over HTTP. */
import assert from "node:assert/strict";
import { serveFixture, withoutErrorLog } from "./support.ts";

Deno.test("fsRoutes()", async (t) => {
  await using fixture = await serveFixture();
  const { get, text } = fixture;

  await t.step("handlers before it get no file middleware and no file error page", async () => {
    const early = await get("/early/x");
    assert.equal(early.headers.has("x-after"), false);
    assert.deepEqual(await early.json(), { params: { 0: "x" }, visited: [] });
    const error = await get("/early-error");
    assert.deepEqual([error.status, await error.text()], [418, "early"]);
  });

  await t.step("handlers after it get the file middlewares, the app wrapper and the error page", async () => {
    const late = await get("/late");
    assert.equal(late.headers.get("x-after"), "root");
    assert.deepEqual(await late.json(), { visited: ["root"] });
    const error = await get("/late-error");
    assert.equal(error.status, 418);
    assert.match(await error.text(), /<html lang="en">.*<p class="error">418: late<\/p>/);
  });

  await t.step("a file whose handlers lack the method is a 404", async () => {
    const response = await get("/api/echo", { method: "DELETE" });
    assert.equal(response.status, 404);
    await response.body?.cancel();
  });

  await t.step("a file with only a component answers any method with 200", async () => {
    for (const method of ["GET", "POST", "PUT", "DELETE"]) {
      const response = await get("/", { method });
      assert.equal(response.status, 200);
      assert.match(await response.text(), /<h1>Home<\/h1>/);
    }
  });

  await t.step("handlers answer by method, and HEAD falls back to GET", async () => {
    const echoed = await get("/api/echo", { method: "POST", body: "hello" });
    assert.deepEqual([echoed.status, await echoed.text()], [201, "hello"]);
    assert.deepEqual(await (await get("/api/echo")).json(), { visited: ["root"], route: "/api/echo" });
    assert.equal((await get("/api/echo", { method: "HEAD" })).status, 200);
  });

  await t.step("a page gets its handler's data, status and headers, inside its layouts", async () => {
    const response = await get("/blog/hello%20you");
    assert.equal(response.headers.get("x-page"), "blog");
    assert.equal(response.headers.get("content-type"), "text/html; charset=utf-8");
    assert.match(
      await response.text(),
      /<div class="root-layout"><article class="blog-layout"><p>hello you at \/blog\/hello%20you after root,blog<\/p><\/article><\/div>/,
    );
    const posted = await get("/blog/1", { method: "POST" });
    assert.equal(posted.status, 202);
    await posted.body?.cancel();
  });

  await t.step("a page may be async", async () => {
    assert.match(await text("/blog/latest"), /<p>latest after root,blog<\/p>/);
  });

  await t.step("skipInheritedLayouts and skipAppWrapper leave the wrappers out", async () => {
    const plain = await text("/blog/plain");
    assert.match(plain, /<html lang="en">.*<p>plain<\/p>/);
    assert.doesNotMatch(plain, /layout/);
    assert.equal(
      await text("/bare"),
      '<!DOCTYPE html><html><head><meta charset="utf-8"/></head><body><main class="bare-layout"><p>bare</p></main></body></html>',
    );
  });

  await t.step("parameters: one, optional, and the rest of the path", async () => {
    assert.match(await text("/lang"), /code=&quot;&quot;/);
    assert.match(await text("/lang/"), /code=&quot;&quot;/);
    assert.match(await text("/lang/en"), /code=&quot;en&quot;/);
    assert.match(await text("/files/a/b%20c"), /path=a\/b c/);
    const malformed = await get("/files/%E0%A4%A");
    assert.equal(malformed.status, 404);
    await malformed.body?.cancel();
  });

  await t.step("routeOverride replaces the path of the file", async () => {
    assert.match(await text("/store/12"), /an item/);
    for (const path of ["/store/abc", "/shop/override"]) {
      const response = await get(path);
      assert.equal(response.status, 404);
      await response.body?.cancel();
    }
  });

  await t.step("groups are no part of the URL, and what is private is no route", async () => {
    assert.deepEqual(await (await get("/grouped")).json(), { visited: ["root", "group"] });
    for (const path of ["/hidden", "/(_private)/hidden", "/local", "/_app", "/_middleware"]) {
      const response = await get(path);
      assert.equal(response.status, 404, path);
      await response.body?.cancel();
    }
  });

  await t.step("_error is rendered inside _app with the status of the error", async () => {
    const teapot = await get("/errors/teapot");
    assert.equal(teapot.status, 418);
    assert.match(await teapot.text(), /<html lang="en">.*<p class="error">418: short and stout<\/p>/);
    const crash = await withoutErrorLog(() => get("/errors/crash"));
    assert.equal(crash.status, 500);
    assert.match(await crash.text(), /<p class="error">500: broken page<\/p>/);
    const unknown = await get("/unknown");
    assert.equal(unknown.status, 404);
    assert.match(await unknown.text(), /<p class="error">404: /);
  });

  await t.step("the nearest _error answers, also for its folder's middleware", async () => {
    const closed = await get("/secret");
    assert.equal(closed.status, 403);
    assert.match(await closed.text(), /<p class="secret-error">closed<\/p>/);
    assert.match(await text("/secret?open"), /<p>secret<\/p>/);
  });

  await t.step("a slash at the end changes nothing, and doubled slashes collapse", async () => {
    assert.match(await text("/blog/latest/"), /latest after/);
    assert.match(await text("//blog///latest"), /latest after/);
  });
});
