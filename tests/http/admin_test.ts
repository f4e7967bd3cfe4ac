/** What administrators may do over HTTP (contract §6), with live sessions on a real process. */
import assert from "node:assert/strict";
import { connect, foreignClient } from "../support/foreign_client.ts";
import { type HttpClient, httpClient } from "../support/http_client.ts";
import { startTether, TEST_SECRET } from "../support/tether_process.ts";
import { testToken } from "../support/tokens.ts";

const ROUTES = [
  ["GET", "/api/sessions"],
  ["DELETE", "/api/sessions/some-session"],
  ["POST", "/api/users/bob/revoke"],
] as const;

function tokenOf(sub: string, claims: Record<string, unknown> = {}): Promise<string> {
  return testToken({ claims: { sub, name: sub, ...claims } });
}

function clientOf(url: string, token: string): HttpClient {
  return Object.assign(httpClient(url), { cookie: `tether_token=${token}` });
}

Deno.test("what administrators may do", async (t) => {
  await using server = await startTether({ env: { JWT_SECRET: TEST_SECRET } });
  const admin = clientOf(server.url, await tokenOf("root", { role: "admin" }));

  await t.step("is for administrators alone", async () => {
    const user = clientOf(server.url, await tokenOf("bob"));
    for (const [method, path] of ROUTES) {
      const nobody = await httpClient(server.url).ask(method, path);
      assert.deepEqual([nobody.status, nobody.body.error.code], [401, "auth/missing"]);
      const somebody = await user.ask(method, path);
      assert.deepEqual([somebody.status, somebody.body.error.code], [403, "access/denied"]);
    }
  });

  await t.step("GET /api/sessions lists all, a page at a time", async () => {
    assert.deepEqual((await admin.ask("GET", "/api/sessions")).body, { sessions: [], next: null, total: 0 });
    await using stack = new AsyncDisposableStack();
    const sids: string[] = [];
    for (let n = 0; n < 5; n++) {
      const client = stack.use(
        foreignClient(server.url, { token: await tokenOf(`user-${n}`, { gender: "x" }) }),
      );
      sids.push((await connect(client)).sid as string);
    }
    const { body } = await admin.ask("GET", "/api/sessions");
    assert.deepEqual([body.next, body.total, body.sessions.length], [null, 5, 5]);
    const first = body.sessions.find(({ sid }: { sid: string }) => sid === sids[0]);
    const { nodeId, connectedAt, lastSeenAt, expiresAt, userAgent, ...rest } = first;
    assert.deepEqual(rest, {
      sid: sids[0],
      user: { id: "user-0", name: "user-0", email: "ada@example.test", role: "user" },
      transport: "websocket",
      address: "127.0.0.1",
    });
    for (const time of [connectedAt, lastSeenAt]) assert.ok(Math.abs(time - Date.now()) < 10_000);
    assert.ok(expiresAt > Date.now());
    assert.deepEqual([typeof nodeId, typeof userAgent], ["string", "string"]);

    const seen: string[] = [];
    let after = "", pages = 0;
    do {
      const page = (await admin.ask("GET", `/api/sessions?limit=2${after}`)).body;
      assert.ok(page.sessions.length <= 2 && page.total === 5);
      seen.push(...page.sessions.map(({ sid }: { sid: string }) => sid));
      after = page.next === null ? "" : `&after=${encodeURIComponent(page.next)}`;
      pages++;
    } while (after !== "");
    assert.equal(pages, 3);
    assert.deepEqual(seen, sids.toSorted());
    for (const query of ["limit=0", "limit=1001", "limit=x", "limit=1.5", "limit=", "after="]) {
      const bad = await admin.ask("GET", `/api/sessions?${query}`);
      assert.deepEqual([bad.status, bad.body.error.code], [400, "request/invalid"], query);
    }
  });

  await t.step("DELETE /api/sessions/:sid ends that session and no other", async () => {
    await using one = foreignClient(server.url, { token: await tokenOf("bob") });
    await using other = foreignClient(server.url, { token: await tokenOf("bob") });
    const [{ sid }] = await Promise.all([connect(one), connect(other)]);
    const ended = one.next("session:end"), gone = one.next("disconnect");
    const answer = await admin.ask("DELETE", `/api/sessions/${sid}`);
    assert.deepEqual([answer.status, answer.body], [200, { ok: true }]);
    const { code, action } = await ended as Record<string, unknown>;
    assert.deepEqual([code, action], ["session/ended", "stop"]);
    assert.equal(await gone, "io server disconnect");
    assert.ok((await other.ask("heartbeat")).ok);
    for (const path of [`/api/sessions/${sid}`, "/api/sessions/nobody"]) {
      const again = await admin.ask("DELETE", path);
      assert.deepEqual([again.status, again.body.error.code], [404, "access/not-found"]);
    }
    const long = await admin.ask("DELETE", `/api/sessions/${"x".repeat(201)}`);
    assert.deepEqual([long.status, long.body.error.code], [400, "request/invalid"]);
  });

  await t.step(
    "POST /api/users/:id/revoke ends the user's sessions and refuses the tokens until then",
    async () => {
      const id = "bob/ä 🙂";
      const token = await tokenOf(id), before = Date.now();
      await using stack = new AsyncDisposableStack();
      const bobs = [0, 1, 2].map(() => stack.use(foreignClient(server.url, { token })));
      const eve = stack.use(foreignClient(server.url, { token: await tokenOf("eve") }));
      await Promise.all([...bobs, eve].map(connect));
      const ends = Promise.all(bobs.map((client) => client.next("session:end")));
      const answer = await admin.ask("POST", `/api/users/${encodeURIComponent(id)}/revoke`);
      assert.deepEqual([answer.status, answer.body], [200, {
        ok: true,
        tokensWithoutIat: "refused until this is taken back",
      }]);
      for (const end of await ends) {
        const { code, action } = end as Record<string, unknown>;
        assert.deepEqual([code, action], ["session/revoked", "reauth"]);
      }
      assert.ok(eve.socket.connected);
      const refused = await clientOf(server.url, token).ask("GET", "/api/auth/me");
      assert.deepEqual([refused.status, refused.body.error.code], [401, "auth/revoked"]);
      // and taken back
      const undone = await admin.ask("DELETE", `/api/users/${encodeURIComponent(id)}/revoke`);
      assert.deepEqual([undone.status, undone.body], [200, { restored: true }]);
      assert.equal((await clientOf(server.url, token).ask("GET", "/api/auth/me")).status, 200);
      // what is issued later is good
      const later = await tokenOf(id, { iat: Math.ceil(before / 1000) + 2 });
      const me = await clientOf(server.url, later).ask("GET", "/api/auth/me");
      assert.deepEqual([me.status, me.body.user.id], [200, id]);
    },
  );
});
