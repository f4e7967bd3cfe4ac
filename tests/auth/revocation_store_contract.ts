/** What every {@linkcode RevocationStore} must do. Runs on each implementation. */
import assert from "node:assert/strict";
import type { Identity } from "../../lib/auth/claims.ts";
import type { RevocationStore } from "../../lib/auth/revocation_store.ts";
import { type UserId, userId } from "../../lib/protocol/ids.ts";

/** A store under test, and what it takes to be rid of it. */
export interface OpenedStore extends AsyncDisposable {
  store: RevocationStore;
}

/** An identity whose token was issued at `issuedAt`, epoch milliseconds. */
export function identity(
  id: string,
  jti: string,
  { issuedAt = Date.now(), family = null }: { issuedAt?: number | null; family?: string | null } = {},
): Identity {
  return { user: { id: userId(id), name: id, role: "user" }, jti, family, issuedAt, expiresAt: null };
}

/** Tests the stores that `open` makes, each of them empty, under `name`; `register` takes each test. */
export function testRevocationStore(
  name: string,
  open: () => Promise<OpenedStore>,
  register: (name: string, run: () => Promise<void>) => void = Deno.test,
): void {
  const ada = userId("ada");
  const later = () => Date.now() + 60_000;

  function test(behaviour: string, run: (store: RevocationStore) => Promise<void>): void {
    register(`${name}: ${behaviour}`, async () => {
      await using opened = await open();
      await run(opened.store);
    });
  }
  async function isRevoked(store: RevocationStore, asked: Identity): Promise<boolean | undefined> {
    return (await store.areRevoked([asked]))[0];
  }

  test("an empty store has revoked nothing", async (store) => {
    assert.deepEqual(await store.areRevoked([identity("ada", "t1"), identity("bob", "t2")]), [false, false]);
    assert.deepEqual(await store.areRevoked([]), []);
  });

  test("revokeToken() revokes that token and no other", async (store) => {
    await store.revokeToken("t1", later());
    const asked = [
      identity("ada", "t0"),
      identity("ada", "t1"),
      identity("bob", "t1 "),
      identity("t1", "t2"),
    ];
    assert.deepEqual(await store.areRevoked(asked), [false, true, false, false]);
  });

  test("restoreUser() forgets what a user's tokens were revoked by", async (store) => {
    assert.equal(await store.restoreUser(ada), false);
    await store.revokeUser(ada, { beforeMs: Date.now(), untilMs: later() });
    await store.revokeToken("t1", later());
    const asked = [identity("ada", "t0", { issuedAt: 0 }), identity("ada", "t1")];
    assert.deepEqual(await store.areRevoked(asked), [true, true]);
    assert.equal(await store.restoreUser(ada), true);
    assert.deepEqual(await store.areRevoked(asked), [false, true]);
  });

  test("revokeToken() of a family revokes whatever was renewed in it, however late", async (store) => {
    await store.revokeToken("sign-in", later());
    const asked = [
      identity("ada", "t1", { family: "sign-in" }),
      identity("ada", "t2", { family: "sign-in", issuedAt: Date.now() + 30_000 }),
      identity("ada", "sign-in", { family: "another" }),
      identity("ada", "t1"),
    ];
    assert.deepEqual(await store.areRevoked(asked), [true, true, false, false]);
  });

  test("revokeToken() twice is as once, and never shortens it", async (store) => {
    await store.revokeToken("t1", later());
    await store.revokeToken("t1", Date.now() - 1);
    assert.equal(await isRevoked(store, identity("ada", "t1")), true);
  });

  test("revokeUser() revokes what was issued until then, of that user alone", async (store) => {
    const beforeMs = Date.now();
    await store.revokeUser(ada, { beforeMs, untilMs: later() });
    const asked = [
      identity("ada", "t1", { issuedAt: beforeMs - 86_400_000 }),
      identity("ada", "t2", { issuedAt: beforeMs }),
      identity("ada", "t3", { issuedAt: beforeMs + 1 }),
      identity("ada", "t4", { issuedAt: null }),
      identity("bob", "t5", { issuedAt: beforeMs - 1 }),
    ];
    assert.deepEqual(await store.areRevoked(asked), [true, true, false, true, false]);
  });

  test("revokeUser() takes a token of the same second when iat has whole seconds", async (store) => {
    const beforeMs = 1_800_000_000_700;
    await store.revokeUser(ada, { beforeMs, untilMs: Date.now() + 86_400_000 });
    const wholeSecond = (ms: number) => identity("ada", "t1", { issuedAt: Math.floor(ms / 1000) * 1000 });
    assert.equal(await isRevoked(store, wholeSecond(beforeMs + 200)), true);
    assert.equal(await isRevoked(store, wholeSecond(beforeMs + 300)), false);
  });

  test("revokeUser() never moves a mark back", async (store) => {
    const beforeMs = Date.now();
    await store.revokeUser(ada, { beforeMs, untilMs: later() });
    await store.revokeUser(ada, { beforeMs: beforeMs - 5000, untilMs: later() });
    assert.equal(await isRevoked(store, identity("ada", "t1", { issuedAt: beforeMs })), true);
    await store.revokeUser(ada, { beforeMs: beforeMs + 5000, untilMs: later() });
    assert.equal(await isRevoked(store, identity("ada", "t1", { issuedAt: beforeMs + 5000 })), true);
  });

  test("a revocation that is over when it is made is none", async (store) => {
    await store.revokeToken("t1", Date.now() - 1);
    await store.revokeUser(ada, { beforeMs: Date.now(), untilMs: Date.now() - 1 });
    assert.equal(await isRevoked(store, identity("ada", "t1", { issuedAt: 0 })), false);
  });

  test("a revocation may last ten years", async (store) => {
    const untilMs = Date.now() + 3653 * 86_400_000;
    await store.revokeToken("t1", untilMs);
    await store.revokeUser(ada, { beforeMs: Date.now(), untilMs });
    assert.equal(await isRevoked(store, identity("bob", "t1")), true);
    assert.equal(await isRevoked(store, identity("ada", "t2", { issuedAt: 0 })), true);
  });

  test("ids of any letters are kept apart", async (store) => {
    const ids = ["a:b", "a", "a:b:c", "ä", "a\u0308", "🙂", "user:a", "*", "a b", "x".repeat(200)];
    for (const id of ids) {
      await store.revokeUser(userId(id), { beforeMs: Date.now(), untilMs: later() });
      const asked = ids.map((other) => identity(other, "t1", { issuedAt: 0 }));
      const revoked = await store.areRevoked(asked);
      assert.deepEqual(revoked, ids.map((other) => ids.indexOf(other) <= ids.indexOf(id)));
    }
  });

  test("areRevoked() answers for many in their order", async (store) => {
    const revoked = Array.from({ length: 250 }, (_, n) => n % 7 === 0);
    await Promise.all(revoked.map((yes, n) => yes ? store.revokeToken(`t${n}`, later()) : undefined));
    assert.deepEqual(await store.areRevoked(revoked.map((_, n) => identity(`u${n}`, `t${n}`))), revoked);
  });

  test("revocations made at once all count", async (store) => {
    const users: UserId[] = Array.from({ length: 20 }, (_, n) => userId(`u${n}`));
    const beforeMs = Date.now();
    await Promise.all(
      users.flatMap((user) =>
        [0, 1, 2].map((ms) => store.revokeUser(user, { beforeMs: beforeMs - ms, untilMs: later() }))
      ),
    );
    const asked = users.map((user) => identity(user, "t", { issuedAt: beforeMs }));
    assert.deepEqual(await store.areRevoked(asked), users.map(() => true));
  });
}
