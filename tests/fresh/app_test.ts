/** `App` by itself: order, methods, paths, errors. */
import assert from "node:assert/strict";
import { App, HttpError, page, type PageProps } from "fresh";
import { withoutErrorLog } from "./support.ts";

const request = (path: string, init?: RequestInit) => new Request(`http://localhost${path}`, init);

Deno.test("handler() answers another method of a path with 405", async () => {
  const handle = new App().get("/a", () => new Response("a")).handler();
  assert.equal((await handle(request("/a", { method: "POST" }))).status, 405);
});

Deno.test("handler() answers OPTIONS with 204 and the methods of the path", async () => {
  const handle = new App().get("/a", () => new Response("a")).post("/a", () => new Response("b")).handler();
  const response = await handle(request("/a", { method: "OPTIONS" }));
  assert.equal(response.status, 204);
  assert.equal(response.headers.get("Allow"), "GET, POST");
});

Deno.test("handler() answers HEAD with the headers of GET and no body", async () => {
  const handle = new App().get("/a", () => new Response("a", { headers: { "x-get": "yes" } })).handler();
  const response = await handle(request("/a", { method: "HEAD" }));
  assert.equal(response.headers.get("x-get"), "yes");
  assert.equal(response.body, null);
});

Deno.test("head() comes before the fallback to get()", async () => {
  const handle = new App().get("/a", () => new Response("a")).head(
    "/a",
    () => new Response(null, { status: 204 }),
  )
    .handler();
  assert.equal((await handle(request("/a", { method: "HEAD" }))).status, 204);
});

Deno.test("all() answers every method", async () => {
  const handle = new App().all("/a", (ctx) => ctx.text(ctx.req.method)).handler();
  for (const method of ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]) {
    assert.equal(await (await handle(request("/a", { method }))).text(), method);
  }
});

Deno.test("handler() treats a slash at the end and doubled slashes as the same path", async () => {
  const handle = new App().get("/a/b", (ctx) => ctx.text(ctx.url.pathname)).get(
    "/p/:id",
    (ctx) => ctx.text(ctx.params.id!),
  ).handler();
  assert.equal(await (await handle(request("/a/b/"))).text(), "/a/b/");
  assert.equal(await (await handle(request("//a///b"))).text(), "/a/b");
  assert.equal(await (await handle(request("/p/1/"))).text(), "1");
});

Deno.test("handler() decodes parameters, and answers a malformed one with 404", async () => {
  const handle = new App().get("/p/:id", (ctx) => ctx.json(ctx.params)).handler();
  assert.deepEqual(await (await handle(request("/p/a%20b"))).json(), { id: "a b" });
  assert.equal((await handle(request("/p/%E0%A4%A"))).status, 404);
});

Deno.test("handler() gives a missing optional parameter as an empty string", async () => {
  const handle = new App().get("/p{/:id}?", (ctx) => ctx.json(ctx.params)).handler();
  assert.deepEqual(await (await handle(request("/p"))).json(), { id: "" });
  assert.deepEqual(await (await handle(request("/p/1"))).json(), { id: "1" });
});

Deno.test("handler() matches a wildcard with what stands at its place", async () => {
  const handle = new App().all("/ws/socket.io/*", (ctx) => ctx.json([ctx.params, ctx.route])).handler();
  assert.deepEqual(await (await handle(request("/ws/socket.io/"))).json(), [{ 0: "" }, "/ws/socket.io/*"]);
  assert.deepEqual(await (await handle(request("/ws/socket.io/a/b"))).json(), [
    { 0: "a/b" },
    "/ws/socket.io/*",
  ]);
  assert.equal((await handle(request("/ws/socketXio/"))).status, 404);
});

Deno.test("handler() prefers a fixed path to a pattern that was registered first", async () => {
  const handle = new App().get("/:any", () => new Response("pattern")).get("/a", () => new Response("fixed"))
    .handler();
  assert.equal(await (await handle(request("/a"))).text(), "fixed");
  assert.equal(await (await handle(request("/b"))).text(), "pattern");
});

Deno.test("use() applies to what is registered after it, and to what matches nothing", async () => {
  const app = new App<{ seen?: boolean }>()
    .get("/before", (ctx) => ctx.json(ctx.state))
    .use(async (ctx) => {
      ctx.state.seen = true;
      const response = await ctx.next();
      response.headers.set("x-use", "yes");
      return response;
    })
    .get("/after", (ctx) => ctx.json(ctx.state));
  const handle = app.handler();
  assert.deepEqual(await (await handle(request("/before"))).json(), {});
  const after = await handle(request("/after"));
  assert.equal(after.headers.get("x-use"), "yes");
  assert.deepEqual(await after.json(), { seen: true });
});

Deno.test("use() with a path applies below that path", async () => {
  const handle = new App<{ admin?: boolean }>()
    .use("/admin", (ctx) => {
      ctx.state.admin = true;
      return ctx.next();
    })
    .get("/admin/users", (ctx) => ctx.json(ctx.state))
    .get("/other", (ctx) => ctx.json(ctx.state))
    .handler();
  assert.deepEqual(await (await handle(request("/admin/users"))).json(), { admin: true });
  assert.deepEqual(await (await handle(request("/other"))).json(), {});
});

Deno.test("get() passes on to the handlers after it with ctx.next()", async () => {
  const handle = new App()
    .get("/a", (ctx) => ctx.next(), (ctx) => ctx.text("second"))
    .get("/b", (ctx) => ctx.next())
    .get("/b", (ctx) => ctx.text("another registration"))
    .get("/c", (ctx) => ctx.next())
    .handler();
  assert.equal(await (await handle(request("/a"))).text(), "second");
  assert.equal(await (await handle(request("/b"))).text(), "another registration");
  assert.equal((await handle(request("/c"))).status, 404);
});

Deno.test("get() loads a lazy handler once", async () => {
  let loads = 0;
  const handle = new App().get("/a", () => {
    loads++;
    return Promise.resolve(() => new Response("lazy"));
  }).handler();
  assert.equal(await (await handle(request("/a"))).text(), "lazy");
  assert.equal(await (await handle(request("/a"))).text(), "lazy");
  assert.equal(loads, 1);
});

Deno.test("handler() returns the very response of a handler", async () => {
  const upgrade = new Response(null);
  const handle = new App().all("/ws/*", () => upgrade).use((ctx) => ctx.next()).handler();
  assert.equal(await handle(request("/ws/x")), upgrade);
});

Deno.test("handler() answers an HttpError with its status and its message or the status text", async () => {
  const handle = new App()
    .get("/named", () => {
      throw new HttpError(403, "not yours");
    })
    .get("/unnamed", () => {
      throw new HttpError(403);
    })
    .handler();
  const named = await handle(request("/named"));
  assert.deepEqual([named.status, await named.text()], [403, "not yours"]);
  const unnamed = await handle(request("/unnamed"));
  assert.deepEqual([unnamed.status, await unnamed.text()], [403, "Forbidden"]);
});

Deno.test("handler() answers any other error with 500 and none of its text", async () => {
  await withoutErrorLog(async (logged) => {
    const handle = new App().get("/", () => {
      throw new Error("password is hunter2");
    }).handler();
    const response = await handle(request("/"));
    assert.deepEqual([response.status, await response.text()], [500, "Internal server error"]);
    assert.equal(logged.length, 1);
  });
});

Deno.test("onError() answers for what is below its path, with the status of the error", async () => {
  const handle = new App()
    .onError("*", (ctx) => ctx.text(`outer ${(ctx.error as Error).message}`, { status: 500 }))
    .onError("/in", {
      handler: () => page(),
      component: ({ error }: PageProps) => `inner ${(error as Error).message}`,
    })
    .get("/in/x", () => {
      throw new HttpError(409, "x");
    })
    .get("/out", () => {
      throw new Error("y");
    })
    .handler();
  const inner = await handle(request("/in/x"));
  assert.equal(inner.status, 409);
  assert.match(await inner.text(), /inner x/);
  assert.equal(await (await handle(request("/out"))).text(), "outer y");
});

Deno.test("onError() keeps headers that are set after next() out of an answer to a throw", async () => {
  const handle = new App()
    .onError("*", () => new Response("failed", { status: 500 }))
    .use(async (ctx) => {
      const response = await ctx.next();
      response.headers.set("x-after", "yes");
      return response;
    })
    .get("/", () => {
      throw new Error("x");
    })
    .handler();
  assert.equal((await handle(request("/"))).headers.has("x-after"), false);
});

Deno.test("notFound() answers for unknown paths and for thrown 404s", async () => {
  const handle = new App()
    .notFound((ctx) => ctx.text(`nothing at ${ctx.url.pathname}`, { status: 404 }))
    .get("/thrown", () => {
      throw new HttpError(404);
    })
    .handler();
  for (const path of ["/unknown", "/thrown"]) {
    const response = await handle(request(path));
    assert.deepEqual([response.status, await response.text()], [404, `nothing at ${path}`]);
  }
});

Deno.test("mountApp() puts the routes, middlewares and error pages of an app below a path", async () => {
  const inner = new App<{ inner?: boolean }>()
    .use((ctx) => {
      ctx.state.inner = true;
      return ctx.next();
    })
    .get("/", (ctx) => ctx.json(["index", ctx.state]))
    .get("/a", (ctx) => ctx.json(["a", ctx.state]));
  const handle = new App<{ inner?: boolean }>()
    .mountApp("/mounted", inner)
    .get("/outside", (ctx) => ctx.json(ctx.state))
    .handler();
  assert.deepEqual(await (await handle(request("/mounted"))).json(), ["index", { inner: true }]);
  assert.deepEqual(await (await handle(request("/mounted/a"))).json(), ["a", { inner: true }]);
  assert.deepEqual(await (await handle(request("/outside"))).json(), {});
});

Deno.test("App serves everything below its base path", async () => {
  const handle = new App({ basePath: "/base" }).get("/", () => new Response("index")).get(
    "/a",
    () => new Response("a"),
  ).handler();
  assert.equal(await (await handle(request("/base"))).text(), "index");
  assert.equal(await (await handle(request("/base/a"))).text(), "a");
  assert.equal((await handle(request("/a"))).status, 404);
  assert.throws(() => new App({ basePath: "base/" }), /Invalid basePath/);
});

Deno.test("App believes a proxy only when it is told to", async () => {
  const headers = { "x-forwarded-proto": "https, http", "x-forwarded-host": "example.com" };
  const answer = async (app: App<unknown>) =>
    await (await app.get("/", (ctx) => ctx.text(ctx.url.origin)).handler()(request("/", { headers }))).text();
  assert.equal(await answer(new App()), "http://localhost");
  assert.equal(await answer(new App({ trustProxy: true })), "https://example.com");
});

Deno.test("ctx.redirect() stays on this site and keeps the query", async () => {
  const handle = new App().get("/", (ctx) => ctx.redirect(ctx.url.searchParams.get("to")!)).handler();
  const location = async (to: string) =>
    (await handle(request(`/?to=${encodeURIComponent(to)}`))).headers.get("location");
  assert.equal(await location("/a//b?c=//d#e"), "/a/b?c=//d#e");
  assert.equal(await location("//evil.example"), "/evil.example");
  assert.equal(await location("/\\evil.example"), "/evil.example");
  assert.equal(await location("/\t/evil.example"), "/evil.example");
  assert.equal(await location("https://example.com/a"), "https://example.com/a");
});

Deno.test("ctx.stream() sends text and bytes as they come", async () => {
  const handle = new App().get("/", (ctx) =>
    ctx.stream(function* () {
      yield "a";
      yield new Uint8Array([98]);
    })).handler();
  assert.equal(await (await handle(request("/"))).text(), "ab");
});

Deno.test("listen() serves WebSockets through ws() until its signal aborts", async () => {
  const stop = new AbortController();
  const listening = Promise.withResolvers<Deno.NetAddr>();
  const app = new App().ws("/echo", { message: (socket, { data }) => socket.send(`echo ${data}`) });
  const served = app.listen({
    port: 0,
    hostname: "127.0.0.1",
    signal: stop.signal,
    onListen: listening.resolve,
  });
  const { port } = await listening.promise;

  const refused = await fetch(`http://127.0.0.1:${port}/echo`);
  assert.deepEqual([refused.status, await refused.text()], [400, "Expected a WebSocket upgrade request"]);

  const socket = new WebSocket(`ws://127.0.0.1:${port}/echo`);
  const message = Promise.withResolvers<string>();
  const closed = Promise.withResolvers<void>();
  socket.onopen = () => socket.send("hi");
  socket.onmessage = ({ data }) => message.resolve(data);
  socket.onclose = () => closed.resolve();
  assert.equal(await message.promise, "echo hi");
  socket.close();
  await closed.promise;
  stop.abort();
  await served;
});
