import assert from "node:assert/strict";
import { createRedis } from "../../lib/redis/client.ts";
import { isRetriableError } from "../../lib/redis/errors.ts";
import { parseRedisUrl } from "../../lib/redis/options.ts";
import type { Redis } from "../../lib/redis/redis.ts";
import { script } from "../../lib/redis/script.ts";
import { testLog } from "../support/redis_log.ts";
import { startRedis } from "../support/redis_server.ts";

function connect(url: string, options: { livenessMs?: number } = {}): Redis {
  return createRedis({ url, log: testLog(), ...options });
}

function down(redis: Redis): Promise<void> {
  return new Promise((resolve) => redis.on("down", resolve));
}

Deno.test("createRedis() refuses a URL that is no Redis URL and does not repeat it", () => {
  for (const url of ["nonsense", "http://user:secret@host", "redis://user:secret@host/db"]) {
    assert.throws(
      () => connect(url),
      (error) => error instanceof TypeError && !error.message.includes("secret"),
    );
  }
});

Deno.test("createRedis() refuses a Cluster and Sentinel together", () => {
  const sentinels = [{ host: "127.0.0.1", port: 1 }];
  assert.throws(() => createRedis({ url: "redis://x", cluster: true, sentinels, log: testLog() }), TypeError);
});

Deno.test("parseRedisUrl() reads user, password, port, database and TLS", () => {
  assert.deepEqual(parseRedisUrl("rediss://a:b%40c@example.org:7000/3"), {
    host: "example.org",
    port: 7000,
    tls: true,
    username: "a",
    password: "b@c",
    database: 3,
  });
  assert.deepEqual(parseRedisUrl("redis://[::1]"), {
    host: "::1",
    port: 6379,
    tls: false,
    username: undefined,
    password: undefined,
    database: 0,
  });
});

Deno.test("send() fails at once while Redis is away, and works again when it is back", async () => {
  await using server = await startRedis({ persist: true });
  await using redis = connect(server.url);
  await redis.whenUp();
  await redis.send(["SET", "a", "1"]);
  const away = down(redis);
  await server.stop();
  await away;
  await assert.rejects(redis.send(["GET", "a"]), isRetriableError);
  await server.start();
  await redis.whenUp();
  assert.equal(await redis.send(["GET", "a"]), "1");
});

Deno.test("send() rejects what is under way when the connection is lost", async () => {
  await using server = await startRedis();
  await using redis = connect(server.url);
  await redis.whenUp();
  const waiting = redis.send(["BLPOP", "nothing", 0]);
  const rejected = assert.rejects(waiting, isRetriableError);
  await server.stop("SIGKILL");
  await rejected;
});

Deno.test("a server that hangs counts as away after the liveness time", async () => {
  await using server = await startRedis();
  await using redis = connect(server.url, { livenessMs: 200 });
  await redis.whenUp();
  const away = down(redis);
  Deno.kill(server.pid, "SIGSTOP");
  const stalled = assert.rejects(redis.send(["PING"]), isRetriableError);
  await away;
  await stalled;
  Deno.kill(server.pid, "SIGCONT");
  await redis.whenUp();
});

Deno.test("an error that Redis answers is no retriable error", async () => {
  await using server = await startRedis();
  await using redis = connect(server.url);
  await redis.whenUp();
  await redis.send(["SET", "text", "x"]);
  await assert.rejects(redis.send(["LPUSH", "text", "y"]), (error) => {
    return !isRetriableError(error) && error instanceof Error && error.message.startsWith("WRONGTYPE");
  });
});

Deno.test("run() sends a script's text only when the server does not have it", async () => {
  await using server = await startRedis();
  await using redis = connect(server.url);
  await redis.whenUp();
  const echo = script("return {KEYS[1], ARGV[1]}");
  assert.deepEqual(await redis.run(echo, { keys: ["k"], args: [7] }), ["k", "7"]);
  await redis.send(["SCRIPT", "FLUSH"]);
  assert.deepEqual(await redis.run(echo, { keys: ["k"], args: [8] }), ["k", "8"]);
  assert.deepEqual(await redis.send(["SCRIPT", "EXISTS", echo.digest]), [1]);
});

Deno.test("duplicate() is a connection of its own", async () => {
  await using server = await startRedis();
  await using redis = connect(server.url);
  await using copy = redis.duplicate();
  await Promise.all([redis.whenUp(), copy.whenUp()]);
  assert.notEqual(await redis.send(["CLIENT", "ID"]), await copy.send(["CLIENT", "ID"]));
});

Deno.test("whenUp() rejects when its signal aborts and when the connection is closed", async () => {
  const redis = connect("redis://127.0.0.1:1");
  const controller = new AbortController();
  const waiting = redis.whenUp(controller.signal);
  controller.abort(new Error("enough"));
  await assert.rejects(waiting, /enough/);
  const closed = assert.rejects(redis.whenUp(), /closed/);
  await redis.close();
  await closed;
  await assert.rejects(redis.send(["PING"]), isRetriableError);
});
