/** Tokens: asked for at every attempt, refreshed once, one refresh at a time. */
import assert from "node:assert/strict";
import { createTokenSource } from "../../lib/client/token_source.ts";
import { settle, stage, stateOf } from "./support.ts";

const REAUTH = { code: "auth/expired", action: "reauth" };

Deno.test("connection asks for a token at every attempt", async () => {
  using s = stage();
  await s.establish();
  s.transport.lose();
  await s.clock.advance(1000);
  assert.deepEqual(s.transport.tokens, ["token-1", "token-2"]);
  assert.deepEqual(s.asked, [false, false]);
  assert.deepEqual(s.transport.sentOf("user-join").map(({ payload }) => payload), [{
    auth: { token: "token-1" },
  }]);
});

Deno.test("connection answers a reauth with one refresh at once, and a second one with 'unauthorized'", async () => {
  using s = stage();
  s.connection.connect();
  await settle();
  s.transport.refuse(REAUTH);
  await settle();
  assert.deepEqual(s.asked, [false, true]);
  assert.equal(s.transport.tokens.length, 2);
  s.transport.refuse(REAUTH);
  const state = stateOf(s.connection, "disconnected");
  assert.equal(state.reason, "unauthorized");
  assert.equal(state.cause?.code, "auth/expired");
  await s.clock.advance(60_000);
  assert.deepEqual(s.asked, [false, true]);
});

Deno.test("connection does not loop when every new token is accepted and ended at once", async () => {
  using s = stage();
  s.connection.connect();
  await settle();
  for (let round = 0; round < 5; round++) {
    s.transport.ready();
    s.transport.handlers?.onEvent("session:end", { ...REAUTH, code: "session/revoked" });
    await settle();
  }
  assert.equal(stateOf(s.connection, "disconnected").reason, "unauthorized");
  assert.deepEqual(s.asked, [false, true]);
});

Deno.test("connection may refresh again after a healthy session", async () => {
  using s = stage();
  await s.establish();
  for (let round = 0; round < 3; round++) {
    await s.clock.advance(10_000);
    s.transport.handlers?.onEvent("session:end", { ...REAUTH, code: "session/expired" });
    await settle();
    s.transport.ready();
  }
  assert.deepEqual(s.asked, [false, true, true, true]);
  stateOf(s.connection, "connected");
});

Deno.test("connection is unauthorized when there is no token", async () => {
  using s = stage({ getToken: () => null });
  s.connection.connect();
  await settle();
  assert.equal(stateOf(s.connection, "disconnected").reason, "unauthorized");
  assert.equal(s.transport.tokens.length, 0);
});

Deno.test("connection backs off while getToken fails or hangs", async () => {
  let calls = 0;
  using s = stage({
    getToken: () => {
      if (calls++ === 0) throw new Error("no network");
      return new Promise(() => {});
    },
  });
  s.connection.connect();
  await settle();
  assert.deepEqual(stateOf(s.connection, "reconnecting").cause, {
    kind: "token",
    message: "Error: no network",
  });
  await s.clock.advance(1000);
  assert.equal(stateOf(s.connection, "reconnecting").phase, "trying");
  await s.clock.advance(10_000);
  assert.equal(stateOf(s.connection, "reconnecting").cause.kind, "timeout");
});

Deno.test("connection aborts the signal of a token that nobody waits for any more", async () => {
  const signals: AbortSignal[] = [];
  using s = stage({
    getToken: ({ signal }) => {
      signals.push(signal);
      return new Promise(() => {});
    },
  });
  s.connection.connect();
  await settle();
  s.connection.disconnect();
  assert.equal(signals[0]?.aborted, true);
});

Deno.test("connection extends the session in place when it is expiring", async () => {
  using s = stage();
  await s.establish({ expiresAt: 5 });
  s.transport.handlers?.onEvent("session:expiring", { expiresAt: 5 });
  await settle();
  const [sent] = s.transport.sentOf("auth:refresh");
  assert.deepEqual(sent?.payload, { token: "token-2" });
  assert.deepEqual(s.asked, [false, true]);
  sent?.ack?.({ ok: true, expiresAt: 9 });
  await settle();
  assert.equal(stateOf(s.connection, "connected").expiresAt, 9);
  assert.equal(s.transport.tokens.length, 1);
});

Deno.test("connection tells by the error event that an extension failed", async () => {
  using s = stage({
    getToken: ({ refresh }) => refresh ? Promise.reject(new Error("no network")) : "t",
  });
  const errors: unknown[] = [];
  s.connection.on("error", ({ event, code }) => errors.push([event, code]));
  await s.establish();
  s.transport.handlers?.onEvent("session:expiring", { expiresAt: 5 });
  await settle();
  assert.deepEqual(errors, [["auth:refresh", "no-token"]]);
  stateOf(s.connection, "connected");
});

Deno.test("connection shares the refresh of an expiring session with the attempt that follows its end", async () => {
  let refreshes = 0;
  const { promise, resolve } = Promise.withResolvers<string>();
  using s = stage({
    getToken: ({ refresh }) => {
      if (!refresh) return "old";
      refreshes++;
      return promise;
    },
  });
  await s.establish();
  s.transport.handlers?.onEvent("session:expiring", { expiresAt: 5 });
  await settle();
  s.transport.handlers?.onEvent("session:end", { ...REAUTH, code: "session/expired" });
  await settle();
  resolve("new");
  await settle();
  assert.deepEqual(s.transport.tokens, ["old", "new"]);
  assert.equal(refreshes, 1);
});

Deno.test("get() asks once for all that want a refresh, and again when that one is done", async () => {
  const pending: PromiseWithResolvers<string>[] = [];
  const tokenOf = createTokenSource(() => {
    const one = Promise.withResolvers<string>();
    pending.push(one);
    return one.promise;
  });
  const { signal } = new AbortController();
  const first = [tokenOf(true, signal), tokenOf(true, signal)];
  await settle();
  assert.equal(pending.length, 1);
  pending[0]?.resolve("a");
  assert.deepEqual(await Promise.all(first), ["a", "a"]);
  const second = tokenOf(true, signal);
  await settle();
  pending[1]?.resolve("b");
  assert.equal(await second, "b");
});

Deno.test("get() aborts the refresh with its last caller, and the next one starts anew", async () => {
  const signals: AbortSignal[] = [];
  const tokenOf = createTokenSource(({ signal }) => {
    signals.push(signal);
    return new Promise<string>(() => {});
  });
  const [one, two] = [new AbortController(), new AbortController()];
  const got = [tokenOf(true, one.signal), tokenOf(true, two.signal)];
  await settle();
  one.abort();
  await assert.rejects(got[0]!);
  assert.equal(signals[0]?.aborted, false);
  two.abort();
  await assert.rejects(got[1]!);
  assert.equal(signals[0]?.aborted, true);
  tokenOf(true, new AbortController().signal);
  await settle();
  assert.equal(signals.length, 2);
});
