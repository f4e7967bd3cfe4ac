/** File routes of the built fixture, asked over HTTP. */
import assert from "node:assert/strict";
import { serveFixture, withoutErrorLog } from "./support.ts";

Deno.test("fsRoutes()", async (t) => {
  await using fixture = await serveFixture();
  const { get, text } = fixture;

  await t.step("handlers before it get no file middleware", async () => {
    const early = await get("/early/x");
    assert.equal(early.headers.has("x-after"), false);
    assert.deepEqual(await early.json(), { params: { 0: "x" }, visited: [] });
    const error = await get("/early-error");
    assert.deepEqual([error.status, await error.text()], [418, "early"]);
  });

  await t.step("handlers after it get the file middlewares of their folders", async () => {
    const late = await get("/late");
    assert.equal(late.headers.get("x-after"), "root");
    assert.deepEqual(await late.json(), { visited: ["root"] });
    assert.deepEqual(await (await get("/blog/late")).json(), { visited: ["root", "blog"] });
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
    assert.deepEqual(await (await get("/api/echo")).json(), { visited: ["root"] });
    assert.equal((await get("/api/echo", { method: "HEAD" })).status, 200);
  });

  await t.step("a page gets its handler's data, status and headers", async () => {
    const response = await get("/blog/hello%20you");
    assert.equal(response.headers.get("x-page"), "blog");
    assert.equal(response.headers.get("content-type"), "text/html; charset=utf-8");
    assert.match(
      await response.text(),
      /<html lang="en">.*<p>hello you at \/blog\/hello%20you after root,blog<\/p>/,
    );
    const posted = await get("/blog/1", { method: "POST" });
    assert.equal(posted.status, 202);
    await posted.body?.cancel();
  });

  await t.step("a name comes before a parameter, and both before the rest of a path", async () => {
    assert.match(await text("/blog/latest"), /<p>latest after root,blog<\/p>/);
    assert.match(await text("/files/a/b%20c"), /path=a\/b c/);
    assert.match(await text("/files"), /path=</);
  });

  await t.step("middlewares are no routes", async () => {
    for (const path of ["/_app", "/_middleware", "/blog/_middleware"]) {
      const response = await get(path);
      assert.equal(response.status, path.startsWith("/blog/") ? 200 : 404, path);
      await response.body?.cancel();
    }
  });

  await t.step(
    "a middleware can answer an error with a page in the app wrapper, headers and all",
    async () => {
      for (
        const [path, status, message] of [
          ["/errors/teapot", 418, "short and stout"],
          ["/errors/crash", 500, "broken page"],
          ["/unknown", 404, ""],
        ] as const
      ) {
        const response = await withoutErrorLog(() => get(path));
        assert.deepEqual([response.status, response.headers.get("x-after")], [status, "root"]);
        assert.match(response.headers.get("content-security-policy")!, /'nonce-\w+'/);
        assert.match(
          await response.text(),
          new RegExp(`<html lang="en">.*<p class="error">${status}: ${message}</p>`),
        );
      }
    },
  );

  await t.step("a slash at the end of a name changes nothing, and doubled slashes collapse", async () => {
    assert.match(await text("/blog/latest/"), /latest after/);
    assert.match(await text("//blog///latest"), /latest after/);
  });
});
