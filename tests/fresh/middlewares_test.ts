/** `csp()`, `cors()`, `csrf()` and `trailingSlashes()`. */
import assert from "node:assert/strict";
import { App, cors, type CORSOptions, csp, csrf, type CsrfOptions, trailingSlashes } from "fresh";

Deno.test("csp() sends its defaults with what is added to them", async () => {
  const handle = new App().use(csp({ csp: ["img-src https:"], reportTo: "/reports" })).get(
    "/",
    () => new Response("a"),
  ).handler();
  const { headers } = await handle(new Request("http://localhost/"));
  const policy = headers.get("Content-Security-Policy")!.split("; ");
  assert.deepEqual(policy.slice(0, 2), ["default-src 'self'", "script-src 'self' 'unsafe-inline'"]);
  assert.deepEqual(policy.slice(-3), [
    "img-src https:",
    "report-to csp-endpoint",
    "report-uri /reports",
  ]);
  assert.equal(headers.get("Reporting-Endpoints"), 'csp-endpoint="/reports"');
});

Deno.test("csp() can report and block nothing", async () => {
  const handle = new App().use(csp({ reportOnly: true })).get("/", () => new Response("a")).handler();
  const { headers } = await handle(new Request("http://localhost/"));
  assert.equal(headers.has("Content-Security-Policy"), false);
  assert.equal(headers.has("Content-Security-Policy-Report-Only"), true);
});

async function csrfStatus(
  headers: Record<string, string>,
  { method = "POST", ...options }: CsrfOptions & { method?: string } = {},
): Promise<number> {
  const handle = new App().use(csrf(options)).all("/", () => new Response("ok")).handler();
  return (await handle(new Request("http://localhost/", { method, headers }))).status;
}

Deno.test("csrf() lets safe methods, this site and clients that are no browser pass", async () => {
  assert.equal(await csrfStatus({ "Sec-Fetch-Site": "cross-site" }, { method: "GET" }), 200);
  assert.equal(await csrfStatus({ "Sec-Fetch-Site": "same-origin" }), 200);
  assert.equal(await csrfStatus({ "Sec-Fetch-Site": "none" }), 200);
  assert.equal(await csrfStatus({ Origin: "http://localhost" }), 200);
  assert.equal(await csrfStatus({}), 200);
});

Deno.test("csrf() refuses what comes from another site with 403", async () => {
  assert.equal(await csrfStatus({ "Sec-Fetch-Site": "cross-site" }), 403);
  assert.equal(await csrfStatus({ "Sec-Fetch-Site": "same-site", Origin: "http://a.localhost" }), 403);
  assert.equal(await csrfStatus({ Origin: "http://evil.example" }), 403);
  assert.equal(await csrfStatus({ Origin: "null" }), 403);
});

Deno.test("csrf() takes a list or a function of origins", async () => {
  const headers = { Origin: "http://friend.example", "Sec-Fetch-Site": "cross-site" };
  assert.equal(await csrfStatus(headers, { origin: ["http://friend.example"] }), 200);
  assert.equal(await csrfStatus(headers, { origin: "http://friend.example" }), 200);
  assert.equal(await csrfStatus(headers, { origin: (origin) => origin.endsWith("friend.example") }), 200);
  assert.equal(await csrfStatus(headers, { origin: "http://localhost" }), 403);
});

async function corsAnswer(
  options: CORSOptions<unknown> | undefined,
  { method = "GET", headers = {} }: { method?: string; headers?: Record<string, string> } = {},
): Promise<{ status: number; headers: Record<string, string> }> {
  const app = new App().use(cors(options)).get(
    "/",
    () => new Response("ok", { headers: { Vary: "Cookie" } }),
  );
  const { status, headers: sent } = await app.handler()(
    new Request("http://localhost/", { method, headers: { Origin: "http://a.example", ...headers } }),
  );
  const entries = [...sent].filter(([name]) => /^(access-control-|vary)/.test(name));
  return { status, headers: Object.fromEntries(entries) };
}

Deno.test("cors() lets everybody read by default", async () => {
  assert.deepEqual(await corsAnswer(undefined), {
    status: 200,
    headers: { "access-control-allow-origin": "*", "vary": "Cookie" },
  });
});

Deno.test("cors() names the origin that may read, and no other", async () => {
  for (
    const origin of ["http://a.example", ["http://b.example", "http://a.example"], (asking: string) => asking]
  ) {
    assert.deepEqual((await corsAnswer({ origin, credentials: true, exposeHeaders: ["A", "B"] })).headers, {
      "access-control-allow-origin": "http://a.example",
      "access-control-allow-credentials": "true",
      "access-control-expose-headers": "A,B",
      "vary": "Cookie, Origin",
    });
  }
  for (const origin of ["http://b.example", ["http://b.example"], () => null]) {
    assert.deepEqual((await corsAnswer({ origin })).headers, { "vary": "Cookie" });
  }
});

Deno.test("cors() answers OPTIONS by itself", async () => {
  const headers = { "Access-Control-Request-Headers": "X-One, X-Two" };
  assert.deepEqual(
    await corsAnswer({ origin: "http://a.example", maxAge: 60 }, { method: "OPTIONS", headers }),
    {
      status: 204,
      headers: {
        "access-control-allow-origin": "http://a.example",
        "access-control-allow-headers": "X-One,X-Two",
        "access-control-allow-methods": "GET,HEAD,PUT,POST,DELETE,PATCH",
        "access-control-max-age": "60",
        "vary": "Origin, Access-Control-Request-Headers",
      },
    },
  );
  const given = { origin: "*", allowMethods: ["GET"], allowHeaders: ["X-Three"] };
  assert.deepEqual((await corsAnswer(given, { method: "OPTIONS" })).headers, {
    "access-control-allow-origin": "*",
    "access-control-allow-headers": "X-Three",
    "access-control-allow-methods": "GET",
    "vary": "Access-Control-Request-Headers",
  });
});

Deno.test("trailingSlashes() redirects to the form that is wanted and keeps the query", async () => {
  const location = async (mode: "always" | "never", path: string) => {
    const handle = new App().use(trailingSlashes(mode)).get("/a", () => new Response("a")).handler();
    return (await handle(new Request(`http://localhost${path}`))).headers.get("location");
  };
  assert.equal(await location("always", "/a?b=c"), "/a/?b=c");
  assert.equal(await location("always", "/a/"), null);
  assert.equal(await location("never", "/a/?b=c"), "/a?b=c");
  assert.equal(await location("never", "/a"), null);
});
