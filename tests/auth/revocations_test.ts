import assert from "node:assert/strict";
import { withRevocation } from "../../lib/auth/revocation_check.ts";
import { createIssuer } from "../../lib/auth/issuer.ts";
import type { RevocationStore } from "../../lib/auth/revocation_store.ts";
import {
  covers,
  createRevocations,
  type Revocation,
  type RevocationNotice,
} from "../../lib/auth/revocations.ts";
import { createSecretKeys } from "../../lib/auth/secret_keys.ts";
import { createVerifier } from "../../lib/auth/verifier.ts";
import { userId } from "../../lib/protocol/ids.ts";
import { openRevocationStore } from "../support/kv_stores.ts";
import { identity } from "./revocation_store_contract.ts";

const ada = userId("ada");
const REVOKED = { name: "ProtocolError", code: "auth/revoked" };
const UNAVAILABLE = { name: "ProtocolError", code: "server/unavailable" };

const fail = () => Promise.reject(new Error("connection refused"));
const downStore: RevocationStore = {
  revokeToken: fail,
  revokeUser: fail,
  restoreUser: fail,
  areRevoked: fail,
};

Deno.test("a revoked token is refused although it was verified and remembered before", async () => {
  const secret = crypto.getRandomValues(new Uint8Array(32));
  const issuer = await createIssuer({ secret, expiresInS: 60 });
  using revocationsStore = await openRevocationStore();
  const revocations = createRevocations({ store: revocationsStore });
  const verifier = withRevocation(createVerifier({ keys: await createSecretKeys({ secret }) }), revocations);
  const user = { id: ada, name: "Ada", role: "user" };
  const [one, other] = [await issuer.issue(user), await issuer.issue(user)];

  assert.deepEqual(await verifier.verify(one.token), one.identity);
  await revocations.revokeToken(one.identity);
  await assert.rejects(verifier.verify(one.token), REVOKED);
  assert.deepEqual(await verifier.verify(other.token), other.identity);

  await revocations.revokeUser(ada);
  await assert.rejects(verifier.verify(other.token), REVOKED);
});

Deno.test("a token of our issuer, made in the same second but after the revocation, is good", async () => {
  let nowMs = 1_800_000_000_700;
  const now = () => nowMs;
  const secret = crypto.getRandomValues(new Uint8Array(32));
  const issuer = await createIssuer({ secret, expiresInS: 60, now });
  using revocationsStore = await openRevocationStore(now);
  const revocations = createRevocations({ store: revocationsStore, now });
  const keys = await createSecretKeys({ secret });
  const verifier = withRevocation(createVerifier({ keys, now }), revocations);
  const user = { id: ada, name: "Ada", role: "user" };
  const before = await issuer.issue(user);
  await revocations.revokeUser(ada);
  nowMs += 1;
  const after = await issuer.issue(user);
  await assert.rejects(verifier.verify(before.token), REVOKED);
  assert.equal((await verifier.verify(after.token)).issuedAt, nowMs);
});

Deno.test("a revocation lasts as long as a revoked token could pass", async () => {
  let nowMs = 1_800_000_000_000;
  const now = () => nowMs;
  using store = await openRevocationStore(now);
  const revocations = createRevocations({
    store,
    maxTokenLifeMs: 60_000,
    clockToleranceS: 5,
    now,
  });
  const token = { ...identity("bob", "t1", { issuedAt: nowMs }), expiresAt: nowMs + 30_000 };
  await revocations.revokeToken(token);
  await revocations.revokeUser(ada);
  const adas = identity("ada", "t2", { issuedAt: nowMs });
  nowMs += 34_999;
  await assert.rejects(revocations.assertValid(token), REVOKED);
  nowMs += 30_000;
  await revocations.assertValid(token);
  await assert.rejects(revocations.assertValid(adas), REVOKED);
  nowMs += 1;
  await revocations.assertValid(adas);
});

Deno.test("listeners here and on the other nodes hear of every revocation", async () => {
  const published: RevocationNotice[] = [];
  const heard: Revocation[] = [];
  using store = await openRevocationStore();
  const revocations = createRevocations({
    store,
    publish: (revocation) => void published.push(revocation),
    now: () => 1000,
  });
  const stop = revocations.onRevoked((revocation) => heard.push(revocation));
  await revocations.revokeToken(identity("ada", "t1"));
  await revocations.revokeUser(ada);
  const expected = [{ kind: "token", userId: ada, jti: "t1" }, { kind: "user", userId: ada, beforeMs: 1000 }];
  assert.deepEqual(heard, expected);
  assert.deepEqual(published, expected);

  using elsewhereStore = await openRevocationStore();
  const elsewhere = createRevocations({ store: elsewhereStore });
  const heardElsewhere: Revocation[] = [];
  elsewhere.onRevoked((revocation) => heardElsewhere.push(revocation));
  for (const message of published) elsewhere.receive(JSON.parse(JSON.stringify(message)));
  assert.deepEqual(heardElsewhere, expected);

  stop();
  await revocations.revokeUser(ada);
  assert.equal(heard.length, 2);
});

Deno.test("receive() ignores what is no revocation, and passes nothing on", async () => {
  using store = await openRevocationStore();
  const revocations = createRevocations({
    store,
    publish: () => assert.fail("published"),
  });
  revocations.onRevoked(() => assert.fail("heard"));
  for (
    const message of [
      ...[null, undefined, 1, "", [], {}, { kind: "token" }, { kind: "token", userId: "ada" }],
      ...[{ kind: "token", userId: "", jti: "t1" }, { kind: "user", userId: "ada", beforeMs: "1000" }],
      ...[{ kind: "user", userId: 7, beforeMs: 1 }, { kind: "user", userId: "ada", beforeMs: NaN }],
      { kind: "all", userId: "ada", beforeMs: 1 },
    ]
  ) revocations.receive(message);
});

Deno.test("covers() tells the sessions that a revocation ends", () => {
  const token: Revocation = { kind: "token", userId: ada, jti: "t1" };
  assert.equal(covers(token, identity("ada", "t1")), true);
  assert.equal(covers(token, identity("ada", "t2")), false);
  assert.equal(covers(token, identity("bob", "t1")), false);
  const user: Revocation = { kind: "user", userId: ada, beforeMs: 1000 };
  assert.equal(covers(user, identity("ada", "t1", { issuedAt: 1000 })), true);
  assert.equal(covers(user, identity("ada", "t1", { issuedAt: null })), true);
  assert.equal(covers(user, identity("ada", "t1", { issuedAt: 1001 })), false);
  assert.equal(covers(user, identity("bob", "t1", { issuedAt: 1000 })), false);
});

Deno.test("restoreUser() takes a user's revocation back, on the nodes that heard of it too, and no token's own", async () => {
  const published: RevocationNotice[] = [];
  using store = await openRevocationStore();
  const revocations = createRevocations({ store, publish: (notice) => void published.push(notice) });
  assert.equal(await revocations.restoreUser(ada), false);
  const withoutIat = identity("ada", "t1", { issuedAt: null }), alone = identity("ada", "t2");
  await revocations.revokeToken(alone);
  await revocations.revokeUser(ada);
  await assert.rejects(revocations.assertValid(withoutIat), REVOKED);
  assert.equal(await revocations.restoreUser(ada), true);
  await revocations.assertValid(withoutIat);
  await assert.rejects(revocations.assertValid(alone), REVOKED);

  const elsewhere = createRevocations({ store });
  await elsewhere.revokeUser(ada);
  await revocations.restoreUser(ada);
  await assert.rejects(elsewhere.assertValid(withoutIat), REVOKED);
  elsewhere.receive(published.at(-1));
  await elsewhere.assertValid(withoutIat);
});

Deno.test("recheck() gives the revoked ones among many", async () => {
  using revocationsStore = await openRevocationStore();
  const revocations = createRevocations({ store: revocationsStore });
  const sessions = ["t1", "t2", "t3"].map((jti) => identity("ada", jti));
  await revocations.revokeToken(sessions[1]!);
  assert.deepEqual(await revocations.recheck(sessions), [sessions[1]]);
});

Deno.test("with the store down a token is refused, or admitted where that is set", async () => {
  const errors: unknown[] = [];
  const onError = (error: unknown) => errors.push(error);
  const refusing = createRevocations({ store: downStore, onError });
  await assert.rejects(refusing.assertValid(identity("ada", "t1")), UNAVAILABLE);
  const admitting = createRevocations({ store: downStore, whenStoreDown: "admit", onError });
  await admitting.assertValid(identity("ada", "t1"));
  assert.equal(errors.length, 2);
});

Deno.test("with the store down live sessions stay, and nobody is told of a revocation that was not kept", async () => {
  const errors: unknown[] = [];
  for (const whenStoreDown of ["refuse", "admit"] as const) {
    const revocations = createRevocations({
      store: downStore,
      whenStoreDown,
      publish: () => assert.fail("published"),
      onError: (error) => errors.push(error),
    });
    revocations.onRevoked(() => assert.fail("heard"));
    assert.deepEqual(await revocations.recheck([identity("ada", "t1")]), []);
    await assert.rejects(revocations.revokeToken(identity("ada", "t1")), UNAVAILABLE);
    await assert.rejects(revocations.revokeUser(ada), UNAVAILABLE);
  }
  assert.equal(errors.length, 6);
});

Deno.test("a listener that throws and a publish that fails undo no revocation", async () => {
  const errors: unknown[] = [];
  const heard: Revocation[] = [];
  using store = await openRevocationStore();
  const revocations = createRevocations({
    store,
    publish: fail,
    onError: (error) => errors.push(error),
  });
  revocations.onRevoked(() => {
    throw new Error("listener");
  });
  revocations.onRevoked((revocation) => heard.push(revocation));
  await revocations.revokeUser(ada);
  await assert.rejects(revocations.assertValid(identity("ada", "t1", { issuedAt: 0 })), REVOKED);
  assert.equal(heard.length, 1);
  assert.deepEqual(errors.map((error) => (error as Error).message), ["listener", "connection refused"]);
});
