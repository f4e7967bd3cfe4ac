/** `App` by itself: order, paths, errors. */
import assert from "node:assert/strict";
import { App, HttpError } from "fresh";
import { withoutErrorLog } from "./support.ts";

const request = (path: string, init?: RequestInit) => new Request(`http://localhost${path}`, init);

Deno.test("all() answers every method, and HEAD without a body", async () => {
  const handle = new App().all("/a", (ctx) => new Response(ctx.req.method, { headers: { "x-a": "yes" } }))
    .handler();
  for (const method of ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]) {
    assert.equal(await (await handle(request("/a", { method }))).text(), method);
  }
  const head = await handle(request("/a", { method: "HEAD" }));
  assert.deepEqual([head.headers.get("x-a"), head.body], ["yes", null]);
});

Deno.test("use() applies to what is registered after it, and to what matches nothing", async () => {
  const handle = new App<{ seen?: boolean }>()
    .all("/before", (ctx) => Response.json(ctx.state))
    .use(async (ctx) => {
      ctx.state.seen = true;
      const response = ctx.url.pathname === "/unknown" ? new Response("nothing") : await ctx.next();
      response.headers.set("x-use", "yes");
      return response;
    })
    .all("/after", (ctx) => Response.json(ctx.state))
    .handler();
  assert.deepEqual(await (await handle(request("/before"))).json(), {});
  const after = await handle(request("/after"));
  assert.equal(after.headers.get("x-use"), "yes");
  assert.deepEqual(await after.json(), { seen: true });
  assert.equal((await handle(request("/unknown"))).headers.get("x-use"), "yes");
});

Deno.test("all() passes on to the handlers after it with ctx.next(), and after the last there is nothing", async () => {
  const handle = new App()
    .all("/a", (ctx) => ctx.next(), () => new Response("second"))
    .all("/c", (ctx) => ctx.next())
    .handler();
  assert.equal(await (await handle(request("/a"))).text(), "second");
  assert.equal((await handle(request("/c"))).status, 404);
});

Deno.test("handler() returns the very response of a handler, an upgrade of a socket among them", async () => {
  const upgrade = new Response(null);
  const handle = new App().all("/ws/*", () => upgrade).use((ctx) => ctx.next()).handler();
  assert.equal(await handle(request("/ws/x")), upgrade);
});

Deno.test("handler() answers an HttpError with its status and its message or the status text, and logs none", async () => {
  await withoutErrorLog(async (logged) => {
    const handle = new App().all("/:message", (ctx) => {
      throw new HttpError(403, ctx.params.message === "none" ? undefined : ctx.params.message);
    }).handler();
    const named = await handle(request("/not%20yours"));
    assert.deepEqual([named.status, await named.text()], [403, "not yours"]);
    const unnamed = await handle(request("/none"));
    assert.deepEqual([unnamed.status, await unnamed.text()], [403, "Forbidden"]);
    assert.deepEqual(logged, []);
  });
});

Deno.test("handler() answers any other error with 500 and none of its text, and logs it", async () => {
  await withoutErrorLog(async (logged) => {
    const handle = new App().all("/", () => {
      throw new Error("password is hunter2");
    }).handler();
    const response = await handle(request("/"));
    assert.deepEqual([response.status, await response.text()], [500, "Internal server error"]);
    assert.equal(logged.length, 1);
  });
});
