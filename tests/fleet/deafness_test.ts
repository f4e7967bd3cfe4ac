/** A node whose link to the others is cut, for a moment or for longer. */
import assert from "node:assert/strict";
import { createRedis } from "../../lib/redis/client.ts";
import type { Redis } from "../../lib/redis/redis.ts";
import { apiClient } from "../support/api.ts";
import { SERVICE_TOKEN, startFleet } from "../support/fleet.ts";
import { type LightClient, lightClient, lightClients } from "../support/light_client.ts";
import { type Person, person } from "../support/people.ts";
import { testLog } from "../support/redis_log.ts";
import { testToken } from "../support/tokens.ts";
import { until } from "../support/until.ts";

/** Ids of the connections whose last command `command` was. */
async function connections(redis: Redis, command: string): Promise<string[]> {
  const list = await redis.send(["CLIENT", "LIST"]) as string;
  return [...list.matchAll(/^id=(\d+) .* cmd=(\S+) /gm)].filter(([, , cmd]) => cmd === command).map((
    [, id],
  ) => id!);
}

function numbers({ heard }: Person): number[] {
  return heard.filter(([name]) => name === "events").map(([, payload]) =>
    (payload as { data: { data: number } }).data.data
  );
}

Deno.test("the link between nodes", async (t) => {
  await using fleet = await startFleet({ env: { SESSIONS_PER_USER: "1000" } });
  await using redis = createRedis({ url: fleet.redis.url, log: testLog() });
  await redis.whenUp();
  const urls = fleet.nodes.map(({ url }) => url);
  await using ada = await person(urls[0]!, "ada");
  await using bob = await person(urls[1]!, "bob");

  const allReady = () =>
    until(async () =>
      (await Promise.all([0, 1, 2].map((n) => fleet.readiness(n)))).every(({ ready }) => ready)
    );

  /** Sends `count` numbered events to everybody from node 2, a few at a time. */
  async function stream(count: number, during: (sent: number) => Promise<void>): Promise<void> {
    const service = apiClient(urls[2]!, SERVICE_TOKEN);
    for (let n = 0; n < count; n++) {
      await service("POST /api/events", {
        to: { userIds: ["ada", "bob"] },
        ...{ chat_id: "c", message_id: "m", data: { type: "n", data: n } },
      });
      await during(n);
    }
  }

  for (
    const [what, command] of [
      ["connections that read", "xread"],
      ["connections that write", undefined],
    ] as const
  ) {
    await t.step(`CLIENT KILL of the ${what}, in mid-stream, loses nothing`, async () => {
      ada.heard.splice(0);
      bob.heard.splice(0);
      const times: number[] = [];
      const note = (): void => void times.push(performance.now());
      bob.client.socket.on("events", note);
      await stream(300, async (n) => {
        if (n !== 100 && n !== 200) return;
        const ids = await until(async () => {
          const found = command === undefined ? await others(redis) : await connections(redis, command);
          return found.length >= 3 && found;
        });
        for (const id of ids) await redis.send(["CLIENT", "KILL", "ID", id]);
      });
      const all = Array.from({ length: 300 }, (_, n) => n);
      await until(() => Promise.resolve(numbers(ada).length >= 300 && numbers(bob).length >= 300), {
        what: "all events",
      });
      bob.client.socket.off("events", note);
      assert.deepEqual([numbers(ada), numbers(bob)], [all, all]);
      const longest = Math.max(...times.slice(1).map((time, n) => time - times[n]!));
      console.log(`Killed ${what}: heard again after ${Math.round(longest)} ms at most`);
      assert.ok(longest < 2000, `${longest} ms`);
      assert.deepEqual(
        await Promise.all([0, 1, 2].map((n) => fleet.readiness(n))),
        [0, 1, 2].map(() => ({ ready: true })),
      );
    });
  }

  await t.step(
    "a node that hears no more says so, to load balancers and clients, until it hears again",
    async () => {
      const told = ada.client.next("session:degraded");
      await redis.send(["ACL", "SETUSER", "default", "-xread"]);
      assert.deepEqual(await told, { degraded: true });
      assert.deepEqual(await fleet.readiness(0), { ready: false, reason: "The fleet is not heard" });
      await using late = await person(urls[0]!, "late");
      const [[, ready]] = late.heard as [[string, { degraded?: boolean }]];
      assert.equal(ready.degraded, true);
      // its own clients still hear what is sent here
      const local = late.client.next("events");
      await apiClient(urls[0]!, SERVICE_TOKEN)("POST /api/events", {
        to: { userIds: ["late"] },
        ...{ chat_id: "c", message_id: "m", data: { type: "n", data: 0 } },
      });
      await local;
      // what others send comes when it is read again, once and in order
      ada.heard.splice(0);
      await stream(5, () => Promise.resolve());
      assert.deepEqual(numbers(ada), []);

      const healed = ada.client.next("session:degraded");
      await redis.send(["ACL", "SETUSER", "default", "+xread"]);
      assert.deepEqual(await healed, { degraded: false });
      await until(async () => (await fleet.readiness(0)).ready);
      assert.match(fleet.nodes[0]!.output, /The fleet is heard again/);
      assert.deepEqual(numbers(ada), [0, 1, 2, 3, 4]);
    },
  );

  await t.step("what a node could not send is told to those who miss it, and to nobody else", async () => {
    const degraded = (person: Person): unknown[] =>
      person.heard.filter(([name]) => name === "session:degraded").map(([, payload]) => payload);
    await allReady();
    await using cleo = await person(urls[1]!, "cleo");
    const before = [ada, bob].map((person) => degraded(person).length);
    // what node 2 sends is refused, whatever comes before and after it
    await redis.send(["DEL", "tether:sent"]);
    await redis.send(["SET", "tether:sent", "no hash"]);
    await apiClient(urls[2]!, SERVICE_TOKEN)("POST /api/events", {
      to: { userIds: ["cleo"] },
      ...{ chat_id: "c", message_id: "m", data: { type: "n", data: 0 } },
    });
    await redis.send(["DEL", "tether:sent"]);
    await until(() => Promise.resolve(degraded(cleo).length === 2));
    assert.deepEqual(degraded(cleo), [{ degraded: true }, { degraded: false }]);
    assert.deepEqual([ada, bob].map((person) => degraded(person).length), before);
  });

  await t.step("what a deaf node can no longer read again, its sessions are told of", async () => {
    const told = ada.client.next("session:degraded");
    await redis.send(["ACL", "SETUSER", "default", "-xread"]);
    assert.deepEqual(await told, { degraded: true });
    await stream(3, () => Promise.resolve());
    for (const key of await redis.send(["KEYS", "tether:inbox:*"]) as string[]) {
      await redis.send(["XTRIM", key, "MAXLEN", 0]);
    }
    const healed = ada.client.next("session:degraded");
    await redis.send(["ACL", "SETUSER", "default", "+xread"]);
    assert.deepEqual(await healed, { degraded: false });
    await allReady();
  });

  await t.step(
    "a Redis that stops answering is noticed, and keeps nobody from hearing what is local",
    async () => {
      await using cleo = await person(urls[0]!, "cleo");
      await cleo.client.ask("join-channels", {});
      const told = cleo.client.next("session:degraded");
      Deno.kill(fleet.redis.pid, "SIGSTOP");
      try {
        for (const _ of [1, 2]) {
          const typing = cleo.client.next("events:channel");
          await ada.client.ask("events:channel", { channel_id: "general", data: { type: "typing" } });
          await typing;
        }
        assert.deepEqual(await told, { degraded: true });
      } finally {
        Deno.kill(fleet.redis.pid, "SIGCONT");
      }
      assert.deepEqual(await cleo.client.next("session:degraded"), { degraded: false });
      await until(async () =>
        (await Promise.all([0, 1, 2].map((n) => fleet.readiness(n)))).every(({ ready }) => ready)
      );
    },
  );

  const sign = (sub: string) => testToken({ claims: { sub, name: sub } });
  const connectMany = (token: string) => lightClients(100, (n) => lightClient(urls[n % 3]!, token));
  const end = async (token: string, clients: LightClient[]): Promise<number[]> => {
    const start = performance.now();
    const ended = clients.map(async ({ ended }) => {
      assert.equal((await ended)?.code, "session/revoked");
      return performance.now() - start;
    });
    const { status } = await apiClient(urls[0]!, token)("POST /api/auth/sign-out");
    assert.ok(status < 300, `${status}`);
    return (await Promise.all(ended)).toSorted((a, b) => a - b);
  };

  await t.step("a revocation reaches 100 sessions on three nodes in under a second", async () => {
    const token = await sign("many");
    const times = await end(token, await connectMany(token));
    console.log(
      `Revoked: p50 ${Math.round(times[49]!)} ms, p99 ${Math.round(times[98]!)} ms of 100 sessions`,
    );
    assert.ok(times[98]! < 1000, `${times[98]} ms`);
  });

  await t.step("and within one lease with the link cut", async () => {
    const token = await sign("more");
    const clients = await connectMany(token);
    await redis.send(["ACL", "SETUSER", "default", "-xread"]);
    await until(async () => !(await fleet.readiness(1)).ready && !(await fleet.readiness(2)).ready);
    const times = await end(token, clients);
    await redis.send(["ACL", "SETUSER", "default", "+xread"]);
    console.log(
      `Revoked with the link cut: the last of 100 sessions ended after ${Math.round(times[99]!)} ms`,
    );
    assert.ok(times[99]! < 15_000, `${times[99]} ms`);
  });
});

/** Ids of all connections but this one and those that subscribe. */
async function others(redis: Redis): Promise<string[]> {
  const own = String(await redis.send(["CLIENT", "ID"]));
  const list = await redis.send(["CLIENT", "LIST", "TYPE", "normal"]) as string;
  return [...list.matchAll(/^id=(\d+) /gm)].map(([, id]) => id!).filter((id) => id !== own);
}
