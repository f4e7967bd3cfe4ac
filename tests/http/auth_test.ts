/** The endpoints below /api/auth, through real requests to a real process. */
import assert from "node:assert/strict";
import { connect, foreignClient } from "../support/foreign_client.ts";
import { httpClient, type JsonAnswer } from "../support/http_client.ts";
import { startTether, TEST_SECRET } from "../support/tether_process.ts";
import { testToken, unsignedToken } from "../support/tokens.ts";

function assertError({ status, body, headers }: JsonAnswer, [wantedStatus, code]: [number, string]): void {
  assert.deepEqual([status, body.error?.code], [wantedStatus, code]);
  assert.deepEqual(Object.keys(body), ["error"]);
  assert.ok(body.error.message.length > 0);
  assert.equal(headers.get("cache-control"), "no-store");
}

function setCookie({ headers }: JsonAnswer): string {
  return headers.getSetCookie()[0] ?? "";
}

Deno.test("the demo's endpoints", async (t) => {
  await using server = await startTether();
  const { origin } = new URL(server.url);
  const admin = httpClient(server.url);

  await t.step("the first user of a data directory is admin", async () => {
    const answer = await admin.ask("POST", "/api/auth/sign-in", { json: { name: " Ada\u200b  Lovelace " } });
    assert.equal(answer.status, 200);
    const { token, user, expiresAt } = answer.body;
    assert.deepEqual({ ...user, id: "" }, { id: "", name: "Ada Lovelace", role: "admin" });
    assert.ok(Math.abs(expiresAt - Date.now() - 4 * 7 * 86_400_000) < 10_000);
    assert.equal(answer.headers.get("cache-control"), "no-store");
    assert.equal(
      setCookie(answer),
      `tether_token=${token}; Path=/; HttpOnly; SameSite=Lax; Expires=${new Date(expiresAt).toUTCString()}`,
    );
    const me = await admin.ask("GET", "/api/auth/me");
    assert.deepEqual(me.body, { user, expiresAt });
  });

  await t.step("everybody after is a user, and another one at every sign-in", async () => {
    const [one, other] = [httpClient(server.url), httpClient(server.url)];
    const first = await one.ask("POST", "/api/auth/sign-in", { json: { name: "Ada Lovelace" } });
    const second = await other.ask("POST", "/api/auth/sign-in", { json: { name: "Ada Lovelace" } });
    assert.deepEqual([first.body.user.role, second.body.user.role], ["user", "user"]);
    assert.notEqual(first.body.user.id, second.body.user.id);
  });

  await t.step("a form that goes out without script is answered by a page", async () => {
    async function post(body: string | Uint8Array<ArrayBuffer>, headers: Record<string, string> = {}) {
      const response = await fetch(`${server.url}/api/auth/sign-in`, {
        method: "POST",
        redirect: "manual",
        headers: { "content-type": "application/x-www-form-urlencoded", origin, ...headers },
        body,
      });
      return { status: response.status, headers: response.headers, text: await response.text() };
    }
    const good = await post("name=Ada+L%C3%B6vel&x=1");
    assert.deepEqual([good.status, good.headers.get("location")], [303, "/"]);
    assert.equal(good.headers.get("cache-control"), "no-store");
    const cookie = good.headers.getSetCookie()[0]!;
    assert.match(cookie, /^tether_token=[^;]+; Path=\/; HttpOnly; SameSite=Lax; Expires=/);
    const me = await httpClient(server.url).ask("GET", "/api/auth/me", {
      headers: { cookie: cookie.split(";")[0]! },
    });
    assert.equal(me.body.user.name, "Ada Lövel");

    for (
      const [body, code] of [
        ["name=", "request/invalid"],
        ["", "request/invalid"],
        ["name=%20%E2%80%8B", "request/invalid"],
        [new Uint8Array([0xff]), "request/invalid"],
        [`name=${"x".repeat(20_000)}`, "request/too-large"],
      ] as const
    ) {
      const refused = await post(body);
      assert.equal(refused.headers.getSetCookie().length, 0);
      assert.equal(refused.status, 303);
      const page = await fetch(new URL(refused.headers.get("location")!, server.url));
      assert.equal(new URL(page.url).search, `?because=${encodeURIComponent(code)}`);
      assert.match(await page.text(), /role="alert">Please give a name of 1 to 64 visible characters\.</);
    }

    const foreign = await post("name=Eve", { origin: "http://evil.example" });
    assert.deepEqual([foreign.status, JSON.parse(foreign.text).error.code], [403, "access/denied"]);
  });

  await t.step("refuses a body that is not good, with a code", async () => {
    const bad: [BodyInit | null, string | null, [number, string]][] = [
      [JSON.stringify({ name: "" }), "application/json", [400, "request/invalid"]],
      [JSON.stringify({ name: "x".repeat(65) }), "application/json", [400, "request/invalid"]],
      [JSON.stringify({ name: ["Ada"] }), "application/json", [400, "request/invalid"]],
      [JSON.stringify({}), "application/json", [400, "request/invalid"]],
      ["null", "application/json", [400, "request/invalid"]],
      ['"Ada"', "application/json", [400, "request/invalid"]],
      ["{", "application/json", [400, "request/invalid"]],
      ["", "application/json", [400, "request/invalid"]],
      [new Uint8Array([0x22, 0xff, 0x22]), "application/json", [400, "request/invalid"]],
      [JSON.stringify({ name: "Ada" }), "text/plain", [400, "request/invalid"]],
      [null, null, [400, "request/invalid"]],
      [JSON.stringify({ name: "x".repeat(20_000) }), "application/json", [413, "request/too-large"]],
      // without a length
      [
        ReadableStream.from([new Uint8Array(20_000).fill(32), new TextEncoder().encode('{"name":"Ada"}')]),
        "application/json",
        [413, "request/too-large"],
      ],
    ];
    for (const [body, type, expected] of bad) {
      const response = await fetch(`${server.url}/api/auth/sign-in`, {
        method: "POST",
        body,
        ...(type !== null && { headers: { "content-type": type } }),
      });
      assert.equal(response.headers.getSetCookie().length, 0);
      const { status, headers } = response;
      assertError({ status, headers, body: await response.json() }, expected);
    }
  });

  await t.step("answers JSON for what there is not", async () => {
    assertError(await admin.ask("GET", "/api/auth/sign-in"), [404, "access/not-found"]);
    assertError(await admin.ask("DELETE", "/api/auth/me"), [404, "access/not-found"]);
    assertError(await admin.ask("GET", "/api/no/such/thing"), [404, "access/not-found"]);
    assertError(await admin.ask("POST", "/api/nothing", { json: {} }), [404, "access/not-found"]);
  });

  await t.step("says why a token is not good", async () => {
    const cases: [string | undefined, string][] = [
      [undefined, "auth/missing"],
      ["x", "auth/malformed"],
      [await testToken({ secret: "another-secret-of-at-least-32-bytes!" }), "auth/invalid-signature"],
      [await unsignedToken(), "auth/invalid-signature"],
    ];
    for (const [token, code] of cases) {
      for (const [method, path] of [["GET", "me"], ["POST", "refresh"], ["POST", "sign-out"]] as const) {
        const client = httpClient(server.url);
        const headers: Record<string, string> = token === undefined
          ? {}
          : { authorization: `Bearer ${token}` };
        assertError(await client.ask(method, `/api/auth/${path}`, { headers }), [401, code]);
        client.cookie = token && `tether_token=${token}`;
        assertError(await client.ask(method, `/api/auth/${path}`), [401, code]);
      }
    }
  });

  await t.step("refresh gives a new token and cookie; the old one stays good", async () => {
    const client = httpClient(server.url);
    const { body: old } = await client.ask("POST", "/api/auth/sign-in", { json: { name: "Grace" } });
    const answer = await client.ask("POST", "/api/auth/refresh");
    assert.equal(answer.status, 200);
    assert.notEqual(answer.body.token, old.token);
    assert.deepEqual(answer.body.user, old.user);
    assert.ok(answer.body.expiresAt >= old.expiresAt);
    assert.ok(
      setCookie(answer).startsWith(`tether_token=${answer.body.token}; Path=/; HttpOnly; SameSite=Lax`),
    );
    for (const token of [old.token, answer.body.token]) {
      const me = await httpClient(server.url).ask("GET", "/api/auth/me", {
        headers: { authorization: `Bearer ${token}` },
      });
      assert.deepEqual([me.status, me.body.user], [200, old.user]);
    }
  });

  await t.step(
    "sign-out revokes the sign-in, ends its sessions in all windows, and clears the cookie",
    async () => {
      const client = httpClient(server.url);
      const { body: first } = await client.ask("POST", "/api/auth/sign-in", { json: { name: "Eve" } });
      const { body: second } = await client.ask("POST", "/api/auth/refresh");
      await using one = foreignClient(server.url, { token: first.token });
      await using other = foreignClient(server.url, { token: second.token });
      await Promise.all([connect(one), connect(other)]);
      const ends = Promise.all([one.next("session:end"), other.next("session:end")]);
      const answer = await client.ask("POST", "/api/auth/sign-out");
      assert.deepEqual([answer.status, answer.body], [200, { ok: true }]);
      assert.equal(
        setCookie(answer),
        "tether_token=; Path=/; HttpOnly; SameSite=Lax; Expires=Thu, 01 Jan 1970 00:00:00 GMT",
      );
      for (const end of await ends) {
        const { code, action } = end as Record<string, unknown>;
        assert.deepEqual([code, action], ["session/revoked", "reauth"]);
      }
      for (const { token } of [first, second]) {
        for (const path of ["refresh", "sign-out"]) {
          client.cookie = `tether_token=${token}`;
          assertError(await client.ask("POST", `/api/auth/${path}`), [401, "auth/revoked"]);
        }
      }
    },
  );

  await t.step("a restart forgets no revocation, and who was first", async () => {
    const client = httpClient(server.url);
    const { body: { token } } = await client.ask("POST", "/api/auth/sign-in", { json: { name: "Mallory" } });
    await client.ask("POST", "/api/auth/sign-out");
    await server.kill();
    await server.start();
    const again = httpClient(server.url);
    again.cookie = `tether_token=${token}`;
    assertError(await again.ask("GET", "/api/auth/me"), [401, "auth/revoked"]);
    assert.equal((await admin.ask("POST", "/api/auth/refresh")).body.user.role, "admin");
    const next = await httpClient(server.url).ask("POST", "/api/auth/sign-in", { json: { name: "Ada" } });
    assert.equal(next.body.user.role, "user");
  });

  await t.step("a change that another site asks for is refused, whatever the endpoint", async () => {
    const forged = [
      { origin: "https://evil.example", "sec-fetch-site": "cross-site" },
      { origin: "https://evil.example" },
      { origin: `${origin}.evil.example` },
      { origin: "null" },
      { "sec-fetch-site": "cross-site" },
      { "sec-fetch-site": "same-site" },
    ] as Record<string, string>[];
    const changes = [
      ...[["POST", "/api/auth/sign-in"], ["POST", "/api/auth/refresh"], ["POST", "/api/auth/sign-out"]],
      ...[["DELETE", "/api/sessions/x"], ["POST", "/api/users/x/revoke"], ["POST", "/api/nothing"]],
    ] as const;
    for (const headers of forged) {
      for (const [method, path] of changes) {
        const answer = await admin.ask(method, path, { headers, json: { name: "Ada" } });
        assertError(answer, [403, "access/denied"]);
        assert.equal(setCookie(answer), "");
      }
    }
    assert.equal((await admin.ask("GET", "/api/auth/me", { headers: forged[0] })).status, 200);
  });

  await t.step(
    "our own pages, also behind a proxy that ends TLS, and what is no browser may change things",
    async () => {
      const own = [
        { origin, "sec-fetch-site": "same-origin" },
        { origin },
        { "sec-fetch-site": "none" },
        {},
      ] as Record<string, string>[];
      for (const headers of own) {
        const answer = await admin.ask("POST", "/api/auth/refresh", { headers });
        assert.equal(answer.status, 200);
        assert.ok(!setCookie(answer).includes("Secure"));
      }
      // the proxy passes the browser's headers on; the browser speaks https
      const tls = [
        { origin: origin.replace("http:", "https:") },
        { origin: "https://tether.example", "sec-fetch-site": "same-origin" },
      ] as Record<string, string>[];
      for (const headers of tls) {
        const answer = await admin.ask("POST", "/api/auth/refresh", { headers });
        assert.equal(answer.status, 200);
        assert.match(setCookie(answer), /; SameSite=Lax; Secure; Expires=/);
      }
      const untrusted = { "x-forwarded-proto": "https" };
      assert.ok(
        !setCookie(await admin.ask("POST", "/api/auth/refresh", { headers: untrusted })).includes("Secure"),
      );
    },
  );
});

Deno.test("behind a proxy that is trusted, and with origins that are", async (t) => {
  await using server = await startTether({
    env: {
      ...{ JWT_SECRET: TEST_SECRET, AUTH_DEMO: "true", JWT_EXPIRES_IN: "1h" },
      ...{ TRUST_PROXY: "true", CORS_ALLOW_ORIGIN: "https://app.example;https://other.example" },
    },
  });
  const client = httpClient(server.url);
  client.cookie = `tether_token=${await testToken()}`;

  await t.step("the cookie is Secure when the proxy is reached over https", async () => {
    const headers = { "x-forwarded-proto": "https", "x-forwarded-host": "tether.example" };
    const secure = await client.ask("POST", "/api/auth/refresh", { headers });
    assert.match(setCookie(secure), /; Secure; /);
    const signedOut = await client.ask("POST", "/api/auth/sign-out", { headers });
    assert.match(setCookie(signedOut), /^__Host-tether_token=; .*; Secure; /);
    client.cookie = `tether_token=${await testToken({ claims: { sub: "grace" } })}`;
    const plain = await client.ask("POST", "/api/auth/refresh", { headers: { "x-forwarded-proto": "http" } });
    assert.ok(!setCookie(plain).includes("Secure"));
  });

  await t.step("the page's host is the one the proxy names", async () => {
    const headers = { origin: "https://tether.example", "x-forwarded-host": "tether.example" };
    assert.equal((await client.ask("POST", "/api/auth/refresh", { headers })).status, 200);
  });

  await t.step("pages of allowed origins may change things, others may not", async () => {
    const from = (origin: string) =>
      client.ask("POST", "/api/auth/refresh", { headers: { origin, "sec-fetch-site": "cross-site" } });
    assert.equal((await from("https://app.example")).status, 200);
    assert.equal((await from("https://other.example")).status, 200);
    assertError(await from("https://app.example:8443"), [403, "access/denied"]);
    assertError(await from("http://app.example"), [403, "access/denied"]);
  });

  await t.step("pages of allowed origins may read, also errors, and ask first; others may not", async () => {
    const answer = async (method: string, origin: string, path = "/api/presence") =>
      (await httpClient(server.url).ask(method, path, { headers: { origin } })).headers;
    for (const method of ["GET", "OPTIONS"]) {
      const headers = await answer(method, "https://app.example");
      assert.equal(headers.get("access-control-allow-origin"), "https://app.example");
      assert.equal(headers.get("access-control-allow-credentials"), "true");
      assert.match(headers.get("vary")!, /origin/i);
      assert.equal((await answer(method, "https://evil.example")).get("access-control-allow-origin"), null);
    }
    const asked = await answer("OPTIONS", "https://app.example", "/api/sessions/some");
    assert.match(asked.get("access-control-allow-methods")!, /DELETE/);
  });

  await t.step("the role of a refreshed token is read again, and its life is JWT_EXPIRES_IN", async () => {
    const token = await testToken({ claims: { sub: "bob", role: "admin" }, expiresInS: 60 });
    const headers = { authorization: `Bearer ${token}` };
    const { body } = await httpClient(server.url).ask("POST", "/api/auth/refresh", { headers });
    assert.equal(body.user.role, "user");
    assert.ok(Math.abs(body.expiresAt - Date.now() - 3_600_000) < 10_000);
  });
});

Deno.test("with every origin allowed, pages of any site act with a token of their own, never with a cookie", async () => {
  await using server = await startTether({ env: { JWT_SECRET: TEST_SECRET, CORS_ALLOW_ORIGIN: "*" } });
  const headers = { origin: "https://any.example", "sec-fetch-site": "cross-site" };
  const token = await testToken();
  const client = httpClient(server.url);
  client.cookie = `tether_token=${token}`;
  const json = { name: "Plans" };
  const refused = await client.ask("POST", "/api/channels", { headers, json });
  assertError(refused, [403, "access/denied"]);
  assert.equal(refused.headers.get("access-control-allow-origin"), "*");
  assert.equal(refused.headers.get("access-control-allow-credentials"), null);
  const authorization = `Bearer ${token}`;
  const answer = await httpClient(server.url).ask("POST", "/api/channels", {
    headers: { ...headers, authorization },
    json,
  });
  assert.equal(answer.status, 201);
});

Deno.test("where tokens come from elsewhere, none are issued", async () => {
  await using server = await startTether({ env: { JWT_SECRET: TEST_SECRET } });
  const client = httpClient(server.url);
  assertError(await client.ask("POST", "/api/auth/sign-in", { json: { name: "Ada" } }), [
    404,
    "access/not-found",
  ]);
  const token = await testToken();
  client.cookie = `tether_token=${token}`;
  const refreshed = await client.ask("POST", "/api/auth/refresh");
  assert.deepEqual([refreshed.status, refreshed.body.token, refreshed.body.user.id], [200, token, "ada"]);
  assert.equal(setCookie(refreshed), "");
  // one token is revoked, not the user
  assert.equal((await client.ask("POST", "/api/auth/sign-out")).status, 200);
  client.cookie = `tether_token=${token}`;
  assertError(await client.ask("POST", "/api/auth/refresh"), [401, "auth/revoked"]);
  client.cookie = `tether_token=${await testToken()}`;
  assert.equal((await client.ask("GET", "/api/auth/me")).status, 200);
});

Deno.test("a thief who refreshes in a loop has no token that works after the sign-out", async () => {
  await using server = await startTether();
  for (let round = 0; round < 10; round++) {
    const owner = httpClient(server.url);
    const { body } = await owner.ask("POST", "/api/auth/sign-in", { json: { name: "Ada" } });
    const stolen: string[] = [body.token];
    let isOver = false;
    const thieves = Array.from({ length: 4 }, async () => {
      while (!isOver) {
        const thief = httpClient(server.url);
        const answer = await thief.ask("POST", "/api/auth/refresh", {
          headers: { authorization: `Bearer ${stolen.at(-1)}` },
        });
        if (answer.status !== 200) return;
        stolen.push(answer.body.token);
      }
    });
    while (stolen.length < 20) await (await fetch(`${server.url}/healthz`)).body?.cancel();
    assert.equal((await owner.ask("POST", "/api/auth/sign-out")).status, 200);
    isOver = true;
    await Promise.all(thieves);
    for (const token of stolen.slice(-8)) {
      const me = await httpClient(server.url).ask("GET", "/api/auth/me", {
        headers: { authorization: `Bearer ${token}` },
      });
      assertError(me, [401, "auth/revoked"]);
    }
  }
});
