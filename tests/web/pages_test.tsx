/** What comes with every page, error pages among them: security headers and no cache. */
import assert from "node:assert/strict";
import { App, HttpError } from "fresh";
import { ProtocolError } from "../../lib/protocol/codes.ts";
import { securityHeaders } from "../../lib/web/security_headers.ts";
import type { Services } from "../../lib/web/services.ts";
import type { State } from "../../lib/web/request_state.ts";
import pageMiddlewares from "../../routes/_middleware.tsx";

const NAMES = [
  ...["cache-control", "content-security-policy", "permissions-policy", "referrer-policy"],
  "x-content-type-options",
];

interface Asked {
  trustProxy?: boolean;
  headers?: HeadersInit;
  failures?: unknown[];
  /** Whether there were too many requests. */
  limited?: boolean;
}

/** Asks for a path of an app that has the middlewares of the real one, and pages that fail. */
async function ask(
  url: string,
  { trustProxy = false, headers = {}, failures = [], limited = false }: Asked = {},
): Promise<Response> {
  const services = {
    authenticate: () => Promise.reject(new ProtocolError("auth/expired")),
    failed: (error: unknown) => void failures.push(error),
    serviceToken: null,
    limits: {
      take: () => limited ? Promise.reject(new ProtocolError("request/rate-limited")) : Promise.resolve(),
    },
  } as Partial<Services> as Services;
  const app = new App<State>({ trustProxy })
    .use(...securityHeaders)
    .use((ctx) => {
      ctx.state.services = services;
      return ctx.next();
    })
    .use(...pageMiddlewares)
    .all("/page", (ctx) => ctx.render(<h1>Page</h1>))
    .all("/kept", () => new Response("kept", { headers: { "cache-control": "public, max-age=300" } }))
    .all("/refused", () => {
      throw new HttpError(503);
    })
    .all("/broken", () => {
      throw new Error("password is hunter2");
    });
  return await app.handler()(new Request(new URL(url, "http://tether.example"), { headers }));
}

/** The headers of interest, the policy without what is another one for each page. */
function sent({ headers }: Response): Record<string, string | undefined> {
  return Object.fromEntries(
    NAMES.map((name) => [name, headers.get(name)?.replaceAll(/'nonce-\w{32}'/g, "'nonce'")]),
  );
}

Deno.test("a page is kept by nobody and keeps to itself", async () => {
  const headers = sent(await ask("/page"));
  assert.equal(headers["cache-control"], "no-store");
  assert.equal(headers["x-content-type-options"], "nosniff");
  assert.equal(headers["referrer-policy"], "same-origin");
  assert.match(headers["permissions-policy"]!, /camera=\(\)/);
  assert.match(headers["content-security-policy"]!, /^default-src 'self'; script-src 'self' 'nonce';/);
});

Deno.test("error pages have the same headers as pages, and say nothing of what went wrong", async () => {
  const headers = sent(await ask("/page"));
  const failures: unknown[] = [];
  for (
    const [path, status, title] of [
      ["/unknown", 404, "There is nothing here"],
      ["/unknown/", 404, "There is nothing here"],
      ["/refused", 503, "That did not work"],
      ["/broken", 500, "That did not work"],
    ] as const
  ) {
    const response = await ask(path, { failures });
    assert.equal(response.status, status, path);
    assert.deepEqual(sent(response), headers, path);
    const text = await response.text();
    assert.match(text, new RegExp(`<h1>${title}</h1>`));
    assert.doesNotMatch(text, /hunter2/);
  }
  assert.deepEqual(failures.map(String), ["Error: password is hunter2"]);
});

Deno.test("a path below /api that is no endpoint is answered with a code, also with a slash at its end", async () => {
  for (const path of ["/api/unknown", "/api/unknown/"]) {
    const response = await ask(path);
    assert.equal(response.status, 404);
    assert.equal((await response.json()).error.code, "access/not-found");
    assert.equal(sent(response)["x-content-type-options"], "nosniff");
  }
});

Deno.test("what says that it may be kept is kept", async () => {
  assert.equal(sent(await ask("/kept"))["cache-control"], "public, max-age=300");
});

Deno.test("browsers are asked to upgrade requests only where they speak https", async () => {
  const upgrades = async (url: string, asked: Asked = {}) => {
    const policies = await Promise.all(
      [url, `${url}/unknown`].map(async (url) =>
        (await ask(url, asked)).headers.get("content-security-policy")!.split("; ")
      ),
    );
    const found = policies.map((policy) => policy.includes("upgrade-insecure-requests"));
    assert.equal(found[0], found[1], "error pages are no different");
    assert.ok(policies.every((policy) => policy.includes("frame-ancestors 'none'")));
    return found[0];
  };
  const by = (proto: string) => ({ headers: { "x-forwarded-proto": proto } });
  assert.equal(await upgrades("http://localhost/page"), false);
  assert.equal(await upgrades("https://localhost/page"), true);
  assert.equal(await upgrades("http://localhost/page", by("https")), false);
  assert.equal(await upgrades("http://localhost/page", { trustProxy: true, ...by("https") }), true);
  // two proxies: the first one saw the browser
  assert.equal(await upgrades("http://localhost/page", { trustProxy: true, ...by("https, http") }), true);
  assert.equal(await upgrades("http://localhost/page", { trustProxy: true, ...by("http, https") }), false);
  assert.equal(await upgrades("https://localhost/page", { trustProxy: true, ...by("") }), true);
});

Deno.test("a page that was asked for too often is refused in words, and nothing is logged", async () => {
  const failures: unknown[] = [];
  const response = await ask("/page", { limited: true, failures });
  assert.equal(response.status, 429);
  assert.match(await response.text(), /too many requests/);
  assert.deepEqual(failures, []);
});
