/**
 * Parity with Fresh 2.3.3, also where Fresh is not as one would wish: each of these was seen on Fresh itself. They use
 * nothing but `App` and what pages import, so that they run on Fresh as they are.
 */
import assert from "node:assert/strict";
import { App, csp } from "fresh";
import { Head } from "fresh/runtime";
import { Fragment, h } from "preact";
import { withoutErrorLog } from "./support.ts";

const request = (path: string, init?: RequestInit) => new Request(`http://localhost${path}`, init);
const text = (content: string) => () => new Response(content);

Deno.test("parity: the first registration of a path wins", async () => {
  const handle = new App().all("/a", text("first")).all("/a", text("second"))
    .all("/p/:id", text("first")).all("/p/:id", text("second")).handler();
  assert.equal(await (await handle(request("/a"))).text(), "first");
  assert.equal(await (await handle(request("/p/1"))).text(), "first");
});

Deno.test("parity: a fixed path comes before a pattern that was registered first", async () => {
  const handle = new App().all("/:any", text("pattern")).all("/a", text("fixed")).handler();
  assert.equal(await (await handle(request("/a"))).text(), "fixed");
  assert.equal(await (await handle(request("/b"))).text(), "pattern");
});

Deno.test("parity: a slash at the end does not matter to a fixed path, and does not match a pattern", async () => {
  const handle = new App().all("/a/b", text("fixed")).all("/p/:id", text("one")).all(
    "/r/:rest*",
    text("rest"),
  )
    .handler();
  assert.equal((await handle(request("/a/b/"))).status, 200);
  assert.equal((await handle(request("/p/1"))).status, 200);
  assert.equal((await handle(request("/p/1/"))).status, 404);
  assert.equal((await handle(request("/r/a/b"))).status, 200);
  assert.equal((await handle(request("/r/a/b/"))).status, 404);
});

Deno.test("parity: doubled slashes collapse, in a path and in a redirect", async () => {
  const handle = new App().all("/a/b", (ctx) => ctx.redirect(ctx.url.searchParams.get("to")!)).handler();
  const location = async (to: string) =>
    (await handle(request(`//a///b?to=${encodeURIComponent(to)}`))).headers.get("location");
  assert.equal(await location("//evil.example//a"), "/evil.example/a");
  assert.equal(await location("/a//b?c=//d#e"), "/a/b?c=//d#e");
  assert.equal(await location("https://example.com//a"), "https://example.com//a");
});

Deno.test("parity: a wildcard matches what stands at its place, and parameters are half decoded", async () => {
  const handle = new App().all("/ws/*", (ctx) => Response.json(ctx.params))
    .all("/p/:id", (ctx) => Response.json(ctx.params)).handler();
  assert.deepEqual(await (await handle(request("/ws/"))).json(), { 0: "" });
  assert.deepEqual(await (await handle(request("/ws/a/b"))).json(), { 0: "a/b" });
  assert.deepEqual(await (await handle(request("/p/a%20b%2Fc"))).json(), { id: "a b%2Fc" });
});

Deno.test("parity: a malformed '%' in a parameter is thrown at whoever serves", async () => {
  const handle = new App().all("/p/:id", text("one")).all("/a", text("fixed")).handler();
  await assert.rejects(handle(request("/p/%E0%A4%A")), URIError);
  assert.equal((await handle(request("/%E0%A4%A"))).status, 404);
});

Deno.test("parity: a method that no route can have is a 500 where there is a route, and an error in the log", async () => {
  await withoutErrorLog(async (logged) => {
    const handle = new App().all("/a", text("a")).handler();
    assert.equal((await handle(request("/a", { method: "BREW" }))).status, 500);
    assert.equal(logged.length, 1);
    assert.equal((await handle(request("/b", { method: "BREW" }))).status, 404);
  });
});

Deno.test("parity: a proxy is believed when it is told to be, and a list of values is not", async () => {
  const origin = async (headers: Record<string, string>, trustProxy = true) => {
    const handle = new App({ trustProxy }).all("/", (ctx) => new Response(ctx.url.origin)).handler();
    return await (await handle(request("/", { headers }))).text();
  };
  const good = { "x-forwarded-proto": "https", "x-forwarded-host": "example.com" };
  assert.equal(await origin(good), "https://example.com");
  assert.equal(await origin(good, false), "http://localhost");
  assert.equal(await origin({ "x-forwarded-proto": "https, http" }), "http://localhost");
  assert.equal(await origin({ "x-forwarded-host": "a.example, b.example" }), "http://localhost");
});

Deno.test("parity: in <Head>, a link without a key is known by everything but its href", async () => {
  const sheet = (href: string, key?: string) => h("link", { rel: "stylesheet", href, key });
  const headWith = async (key?: string) => {
    const handle = new App().all("/", (ctx) =>
      ctx.render(h(Fragment, null, [
        h(Head, null, [h("title", null, "new"), sheet("/chat.css", key)]),
        h("html", null, [
          h("head", null, [
            h("title", null, "old"),
            h("link", { rel: "icon", href: "/a.svg" }),
            sheet("/style.css"),
          ]),
          h("body", null),
        ]),
      ]))).handler();
    return /<head>(.*)<\/head>/.exec(await (await handle(request("/"))).text())![1];
  };
  const start = '<title>new</title><link rel="icon" href="/a.svg"/>';
  assert.equal(await headWith(), `${start}<link rel="stylesheet" href="/chat.css"/>`);
  assert.equal(
    await headWith("chat"),
    `${start}<link rel="stylesheet" href="/style.css"/><link rel="stylesheet" href="/chat.css" data-key="chat"/>`,
  );
});

Deno.test("parity: headers that are set after next() are not on the answer to what was thrown", async () => {
  await withoutErrorLog(async () => {
    const handle = new App().use(csp()).all("/", () => {
      throw new Error("x");
    }).handler();
    const response = await handle(request("/"));
    assert.deepEqual([response.status, response.headers.has("content-security-policy")], [500, false]);
  });
});

Deno.test("parity: csp() asks for an upgrade on http, too", async () => {
  const handle = new App().use(csp()).all("/", text("a")).handler();
  const policy = (await handle(request("/"))).headers.get("content-security-policy")!.split("; ");
  assert.deepEqual([policy[0], policy.at(-1)], ["default-src 'self'", "upgrade-insecure-requests"]);
  assert.ok(policy.includes("script-src 'self' 'unsafe-inline'"));
});
