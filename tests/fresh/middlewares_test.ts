/** `csp()`, `csrf()` and `trailingSlashes()`. */
import assert from "node:assert/strict";
import { App, csp, csrf, type CsrfOptions, trailingSlashes } from "fresh";

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
