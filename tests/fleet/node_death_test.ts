/** A node that is killed takes nothing with it but its sockets. */
import assert from "node:assert/strict";
import { createRedis } from "../../lib/redis/client.ts";
import { startFleet } from "../support/fleet.ts";
import { lightClient, lightClients } from "../support/light_client.ts";
import { person } from "../support/people.ts";
import { testLog } from "../support/redis_log.ts";
import { testToken } from "../support/tokens.ts";
import { until } from "../support/until.ts";

const SESSIONS = 1000, USERS = 100;
// the lease of a node, and what noticing its end and clearing away may take
const WITHIN_MS = 15_000 + 3_000;

/** The keys that a fleet without sessions may have. */
const STANDING = [
  /^tether:(channels|public_channels)$/,
  /^tether:(channel_messages|read_marks):/,
  // when users were last seen
  /^tether:last_active(:names)?$/,
];

Deno.test("a node that is killed with 1,000 sessions", async (t) => {
  await using fleet = await startFleet({ env: { PRESENCE_GRACE_S: "0" } });
  await using redis = createRedis({ url: fleet.redis.url, log: testLog() });
  await redis.whenUp();
  const size = async (): Promise<number> => Number(await redis.send(["HLEN", "tether:session_pool"]));
  await using watcher = await person(fleet.nodes[1]!.url, "watcher");
  await using survivor = await person(fleet.nodes[2]!.url, "survivor");
  await watcher.client.ask("presence:list", { limit: 2 * USERS });

  const tokens = await Promise.all(
    Array.from({ length: USERS }, (_, n) => testToken({ claims: { sub: `u${n}`, name: `U${n}` } })),
  );
  const dead = await lightClients(SESSIONS, (n) => lightClient(fleet.nodes[0]!.url, tokens[n % USERS]!));
  await until(async () => await size() === SESSIONS + 2, { what: "all sessions in the store" });

  await t.step("is cleared away within its lease, each user going offline once", async () => {
    const since = watcher.heard.length;
    const offline = (): string[] =>
      watcher.heard.slice(since).filter(([name]) => name === "presence:change").map(([, payload]) => {
        const { id, status } = payload as { id: string; status: string };
        assert.equal(status, "offline");
        return id;
      });
    const killedAt = performance.now();
    await fleet.nodes[0]!.kill();
    await Promise.all(dead.map(({ ended }) => ended));
    await until(async () => await size() === 2, { what: "the dead node's sessions to be gone" });
    await until(() => Promise.resolve(offline().length >= USERS), { what: "everybody to be offline" });
    const tookMs = performance.now() - killedAt;
    console.log(`${SESSIONS} sessions of a killed node were gone everywhere after ${Math.round(tookMs)} ms`);
    assert.ok(tookMs < WITHIN_MS, `${tookMs} ms`);
    assert.deepEqual(offline().toSorted(), Array.from({ length: USERS }, (_, n) => `u${n}`).toSorted());
  });

  await t.step("leaves no key behind, and the others' untouched", async () => {
    const sids = await redis.send(["HKEYS", "tether:session_pool"]) as string[];
    assert.deepEqual(sids.toSorted(), [watcher.sid, survivor.sid].toSorted());
    assert.deepEqual(
      (await redis.send(["ZRANGE", "tether:session_leases", 0, -1]) as string[]).toSorted(),
      sids.toSorted(),
    );
    for (const { client } of [watcher, survivor]) assert.equal((await client.ask("heartbeat", {})).ok, true);
    assert.deepEqual(await fleet.readiness(1), { ready: true });
  });

  await t.step("and when the others leave, nothing at all is left of them", async () => {
    await watcher.client[Symbol.asyncDispose]();
    await survivor.client[Symbol.asyncDispose]();
    for (const node of fleet.nodes.slice(1)) assert.equal(await node.stop(), 0);
    const keys = await redis.send(["KEYS", "*"]) as string[];
    // each with a time to live: sessions that may come back, where their events wait, and what is known of the last node
    const passing = /^tether:((saved|route|rooms|inbox):.*|inboxes|clock|sent|nodes|roster:(epoch|step))$/;
    assert.deepEqual(keys.filter((key) => ![...STANDING, passing].some((known) => known.test(key))), []);
    for (const key of keys.filter((key) => passing.test(key))) {
      assert.ok(Number(await redis.send(["PTTL", key])) > 0, key);
    }
  });
});
