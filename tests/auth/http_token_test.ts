import assert from "node:assert/strict";
import {
  assertNotForged,
  clearedTokenCookie,
  isHttps,
  tokenCookie,
  tokenOf,
} from "../../lib/auth/http_token.ts";

const URL = "https://tether.example/api/channels";
const request = (headers: HeadersInit, method = "GET") => new Request(URL, { method, headers });

Deno.test("tokenOf() reads a bearer token, else the cookie", () => {
  assert.equal(tokenOf(request({ authorization: "Bearer a.b.c" })), "a.b.c");
  assert.equal(tokenOf(request({ authorization: "bearer   a.b.c" })), "a.b.c");
  assert.equal(tokenOf(request({ cookie: "tether_token=a.b.c" })), "a.b.c");
  assert.equal(tokenOf(request({ cookie: "x=1; tether_token=a.b.c; y=2" })), "a.b.c");
  assert.equal(tokenOf(request({ authorization: "Bearer x.y.z", cookie: "tether_token=a.b.c" })), "x.y.z");
});

Deno.test("tokenOf() finds none in anything else", () => {
  for (const authorization of ["Bearer", "Bearer ", "Basic abc", "a.b.c", "Bearer a b"]) {
    assert.equal(tokenOf(request({ authorization })), undefined);
  }
  for (
    const cookie of [
      "",
      "tether_token",
      "tether_token=",
      "xtether_token=a",
      "tether_token2=a",
      "=tether_token",
    ]
  ) {
    assert.equal(tokenOf(request({ cookie })), undefined);
  }
  assert.equal(tokenOf(request({})), undefined);
});

Deno.test("tokenCookie() is out of reach of scripts and other sites, and ends with the token", () => {
  assert.equal(
    tokenCookie("a.b.c", { secure: true, expiresAt: Date.UTC(2030, 0, 1) }),
    "tether_token=a.b.c; Path=/; HttpOnly; SameSite=Lax; Secure; Expires=Tue, 01 Jan 2030 00:00:00 GMT",
  );
  assert.equal(
    tokenCookie("a.b.c", { secure: false, expiresAt: null }),
    "tether_token=a.b.c; Path=/; HttpOnly; SameSite=Lax",
  );
});

Deno.test("clearedTokenCookie() removes the cookie", () => {
  assert.equal(
    clearedTokenCookie({ secure: false }),
    "tether_token=; Path=/; HttpOnly; SameSite=Lax; Expires=Thu, 01 Jan 1970 00:00:00 GMT",
  );
});

Deno.test("isHttps() believes a proxy only where that is set", () => {
  const plain = (proto: string) =>
    new Request("http://tether.example/", { headers: { "x-forwarded-proto": proto } });
  assert.equal(isHttps(plain("https"), { trustProxy: true }), true);
  assert.equal(isHttps(plain("https, http"), { trustProxy: true }), true);
  assert.equal(isHttps(plain("http"), { trustProxy: true }), false);
  assert.equal(isHttps(plain(""), { trustProxy: true }), false);
  assert.equal(isHttps(plain("https"), { trustProxy: false }), false);
  assert.equal(isHttps(request({}), { trustProxy: false }), true);
});

Deno.test("assertNotForged() lets through what changes nothing and what comes from here", () => {
  for (const method of ["GET", "HEAD", "OPTIONS"]) {
    assertNotForged(request({ origin: "https://evil.example", cookie: "tether_token=a" }, method));
  }
  const good = [
    { origin: "https://tether.example" },
    { origin: "http://tether.example" },
    { origin: "https://tether.example", "sec-fetch-site": "same-origin" },
    { origin: "https://app.example", "sec-fetch-site": "cross-site" },
    { "sec-fetch-site": "same-origin" },
    { "sec-fetch-site": "none" },
    { authorization: "Bearer a.b.c", origin: "https://evil.example" },
    {},
  ] as Record<string, string>[];
  for (const headers of good) assertNotForged(request(headers, "POST"), ["https://app.example"]);
});

Deno.test("assertNotForged() refuses a change that another site asks for", () => {
  const forged = [
    { origin: "https://evil.example" },
    { origin: "https://tether.example.evil.example" },
    { origin: "https://tether.example:8443" },
    { origin: "null" },
    { origin: "" },
    { "sec-fetch-site": "cross-site" },
    { "sec-fetch-site": "same-site" },
    { origin: "https://evil.example", authorization: "Basic abc" },
  ] as Record<string, string>[];
  for (const headers of forged) {
    for (const method of ["POST", "PUT", "DELETE", "PATCH"]) {
      const forgedRequest = request({ cookie: "tether_token=a", ...headers }, method);
      assert.throws(() => assertNotForged(forgedRequest, ["https://app.example"]), { code: "access/denied" });
    }
  }
});
