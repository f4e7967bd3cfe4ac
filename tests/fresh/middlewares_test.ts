/** `cors()` and `csrf()`. */
import assert from "node:assert/strict";
import { App, cors, type CORSOptions, csrf } from "fresh";

async function csrfStatus(headers: Record<string, string>, method = "POST"): Promise<number> {
  const origin = (origin: string) => origin.endsWith("friend.example");
  const handle = new App().use(csrf({ origin })).all("/", () => new Response("ok")).handler();
  return (await handle(new Request("http://localhost/", { method, headers }))).status;
}

Deno.test("csrf() lets safe methods, this site, trusted origins and clients that are no browser pass", async () => {
  assert.equal(await csrfStatus({ "Sec-Fetch-Site": "cross-site" }, "GET"), 200);
  assert.equal(await csrfStatus({ "Sec-Fetch-Site": "same-origin" }), 200);
  assert.equal(await csrfStatus({ "Sec-Fetch-Site": "none" }), 200);
  assert.equal(await csrfStatus({ Origin: "http://friend.example", "Sec-Fetch-Site": "cross-site" }), 200);
  assert.equal(await csrfStatus({}), 200);
});

Deno.test("csrf() refuses what comes from another site with 403", async () => {
  assert.equal(await csrfStatus({ "Sec-Fetch-Site": "cross-site" }), 403);
  assert.equal(await csrfStatus({ "Sec-Fetch-Site": "same-site", Origin: "http://a.localhost" }), 403);
  assert.equal(await csrfStatus({ Origin: "http://evil.example" }), 403);
  assert.equal(await csrfStatus({ Origin: "null" }), 403);
});

async function corsAnswer(
  options: CORSOptions,
  { method = "GET", headers = {} }: { method?: string; headers?: Record<string, string> } = {},
): Promise<{ status: number; headers: Record<string, string> }> {
  const app = new App().use(cors(options)).all(
    "/",
    () => new Response("ok", { headers: { Vary: "Cookie" } }),
  );
  const { status, headers: sent } = await app.handler()(
    new Request("http://localhost/", { method, headers: { Origin: "http://a.example", ...headers } }),
  );
  const entries = [...sent].filter(([name]) => /^(access-control-|vary)/.test(name));
  const named = Object.fromEntries(entries);
  // in which order they stand does not matter
  if (named.vary !== undefined) named.vary = named.vary.split(", ").sort().join(", ");
  return { status, headers: named };
}

Deno.test("cors() lets everybody read", async () => {
  assert.deepEqual(await corsAnswer({ origin: "*" }), {
    status: 200,
    headers: { "access-control-allow-origin": "*", "vary": "Cookie" },
  });
});

Deno.test("cors() names the origin that may read, and no other", async () => {
  for (const origin of ["http://a.example", ["http://b.example", "http://a.example"]]) {
    assert.deepEqual((await corsAnswer({ origin, credentials: true, exposeHeaders: ["A", "B"] })).headers, {
      "access-control-allow-origin": "http://a.example",
      "access-control-allow-credentials": "true",
      "access-control-expose-headers": "A,B",
      "vary": "Cookie, Origin",
    });
  }
  for (const origin of ["http://b.example", ["http://b.example"]]) {
    assert.deepEqual((await corsAnswer({ origin })).headers, { "vary": "Cookie" });
  }
});

Deno.test("cors() answers OPTIONS by itself", async () => {
  const headers = { "Access-Control-Request-Headers": "X-One, X-Two" };
  assert.deepEqual(await corsAnswer({ origin: "http://a.example" }, { method: "OPTIONS", headers }), {
    status: 204,
    headers: {
      "access-control-allow-origin": "http://a.example",
      "access-control-allow-headers": "X-One,X-Two",
      "access-control-allow-methods": "GET,HEAD,PUT,POST,DELETE,PATCH",
      "vary": "Access-Control-Request-Headers, Origin",
    },
  });
});
