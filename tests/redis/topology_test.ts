// Connections through what changes: a Cluster that loses a node, a Sentinel fleet that changes its master.
import assert from "node:assert/strict";
import { createRedis } from "../../lib/redis/client.ts";
import { isRetriableError } from "../../lib/redis/errors.ts";
import type { Redis } from "../../lib/redis/redis.ts";
import { testLog } from "../support/redis_log.ts";
import { startCluster, startRedis, startSentinel } from "../support/redis_server.ts";

function down(redis: Redis): Promise<void> {
  return new Promise((resolve) => redis.on("down", resolve));
}

/** The port of the server that answers; waits while none does. */
async function portOfMaster(redis: Redis): Promise<number> {
  while (true) {
    await redis.whenUp();
    try {
      const [, port] = await redis.send(["CONFIG", "GET", "port"]).then((reply) =>
        Object.entries(reply!).flat()
      );
      await redis.send(["SET", "written", "yes"]);
      return Number(port);
    } catch (error) {
      assert.ok(isRetriableError(error), String(error));
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }
}

Deno.test("a Cluster that lost the node of the URL is down, and up again when the node is back", async () => {
  await using fleet = await startCluster();
  await using redis = createRedis({ url: fleet.url, cluster: true, log: testLog() });
  await redis.whenUp();
  const keys = ["a", "b", "c", "d", "e"];
  await Promise.all(keys.map((key) => redis.send(["SET", key, key])));
  const away = down(redis);
  await fleet.nodes[0]!.stop("SIGKILL");
  await away;
  await assert.rejects(redis.send(["GET", "a"]), isRetriableError);
  await fleet.nodes[0]!.start();
  await fleet.nodes[0]!.logged(/Cluster state changed: ok/);
  await redis.whenUp();
  await Promise.all(keys.map((key) => redis.send(["SET", key, key])));
});

Deno.test("a master that is demoted while it lives is left for the new one", async () => {
  await using fleet = await startSentinel();
  const sentinels = fleet.sentinels.map(({ port }) => ({ host: "127.0.0.1", port }));
  await using redis = createRedis({ url: `redis://${fleet.name}`, sentinels, log: testLog() });
  assert.equal(await portOfMaster(redis), fleet.master.port);
  await fleet.sentinels[0]!.command("SENTINEL", "FAILOVER", fleet.name);
  while (await portOfMaster(redis) !== fleet.replica.port);
});

Deno.test("a sentinel that is away is passed over", async () => {
  await using fleet = await startSentinel();
  const sentinels = [1, ...fleet.sentinels.map(({ port }) => port)].map((port) => ({
    host: "127.0.0.1",
    port,
  }));
  await using redis = createRedis({ url: `redis://${fleet.name}`, sentinels, log: testLog() });
  assert.equal(await portOfMaster(redis), fleet.master.port);
});

Deno.test("a password and a database are used, and no password gets into the log", async () => {
  await using server = await startRedis({ args: ["--requirepass", "s3cret"] });
  const address = `127.0.0.1:${server.port}`;
  await using redis = createRedis({ url: `redis://:s3cret@${address}/3`, log: testLog() });
  await redis.whenUp();
  assert.match(await redis.send(["CLIENT", "INFO"]) as string, / db=3 /);

  const log = testLog();
  await using _refused = createRedis({ url: `redis://:wr0ng@${address}`, log });
  await log.said("Redis cannot be reached");
  const text = log.lines.map(({ message, fields }) => `${message} ${Deno.inspect(fields)}`).join("\n");
  assert.ok(!/wr0ng|s3cret/.test(text), text);
});

Deno.test("rediss:// speaks TLS", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const redis = createRedis({ url: `rediss://127.0.0.1:${listener.addr.port}`, log: testLog() });
  const connection = await listener.accept();
  const first = new Uint8Array(1);
  await connection.read(first);
  assert.equal(first[0], 0x16, "the first byte of a TLS handshake");
  connection.close();
  await redis.close();
});
