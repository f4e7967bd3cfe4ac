import assert from "node:assert/strict";
import { clearedTokenCookies, tokenCookie, tokenOf } from "../../lib/auth/http_token.ts";

const URL = "https://tether.example/api/channels";
const request = (headers: HeadersInit) => new Request(URL, { headers });

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
    "__Host-tether_token=a.b.c; Path=/; HttpOnly; SameSite=Lax; Secure; Expires=Tue, 01 Jan 2030 00:00:00 GMT",
  );
  assert.equal(
    tokenCookie("a.b.c", { secure: false, expiresAt: null }),
    "tether_token=a.b.c; Path=/; HttpOnly; SameSite=Lax",
  );
});

Deno.test("clearedTokenCookies() remove the cookie, over https both", () => {
  const rest = "Expires=Thu, 01 Jan 1970 00:00:00 GMT";
  const plain = `tether_token=; Path=/; HttpOnly; SameSite=Lax; ${rest}`;
  assert.deepEqual(clearedTokenCookies({ secure: false }), [plain]);
  assert.deepEqual(clearedTokenCookies({ secure: true }), [
    `__Host-tether_token=; Path=/; HttpOnly; SameSite=Lax; Secure; ${rest}`,
    plain,
  ]);
});

Deno.test("tokenOf() prefers the cookie that no other host can set, and the first of a name", () => {
  const tossed = "tether_token=evil; __Host-tether_token=a.b.c; tether_token=evil";
  assert.equal(tokenOf(request({ cookie: tossed })), "a.b.c");
  assert.equal(tokenOf(request({ cookie: "tether_token=a.b.c; tether_token=evil" })), "a.b.c");
});
