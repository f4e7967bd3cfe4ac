/** What an administrator does on one node to a session or a user on another. */
import assert from "node:assert/strict";
import { connect } from "../support/foreign_client.ts";
import { startFleet } from "../support/fleet.ts";
import { httpClient } from "../support/http_client.ts";
import { testToken } from "../support/tokens.ts";

Deno.test("an administrator lists, ends and revokes what is on another node", async () => {
  await using fleet = await startFleet({ nodes: 2 });
  const [here, there] = [0, 1];
  const headers = { authorization: `Bearer ${await testToken({ claims: { sub: "root", role: "admin" } })}` };
  const { ask } = httpClient(fleet.nodes[here]!.url);
  await using one = await fleet.client(there, "ada");
  await using two = await fleet.client(there, "bob");
  const [{ sid, nodeId }, other] = await Promise.all([connect(one), connect(two)]);

  const { body } = await ask("GET", "/api/sessions", { headers });
  assert.deepEqual([body.total, body.next], [2, null]);
  assert.deepEqual(body.sessions.map((session: { sid: string }) => session.sid), [sid, other.sid].toSorted());
  assert.ok(body.sessions.every((session: { nodeId: string }) => session.nodeId === nodeId));

  const ended = one.next("session:end");
  const answer = await ask("DELETE", `/api/sessions/${sid}`, { headers });
  assert.deepEqual([answer.status, answer.body], [200, { ok: true }]);
  const { code, action } = await ended as Record<string, unknown>;
  assert.deepEqual([code, action], ["session/ended", "stop"]);
  assert.equal(two.socket.connected, true);

  const revoked = two.next("session:end");
  assert.equal((await ask("POST", "/api/users/bob/revoke", { headers })).status, 200);
  assert.equal((await revoked as Record<string, unknown>).code, "session/revoked");
  assert.equal((await ask("DELETE", "/api/sessions/nobody", { headers })).status, 404);
});
