/** Limits of requests: by user, by address, and over a fleet. */
import assert from "node:assert/strict";
import FakeTimers from "@sinonjs/fake-timers";
import { userId } from "../../lib/protocol/ids.ts";
import { createRedis } from "../../lib/redis/client.ts";
import { createRequestLimits } from "../../lib/web/request_limits.ts";
import { startRedis } from "../support/redis_server.ts";
import { httpClient } from "../support/http_client.ts";
import { testLog } from "../support/redis_log.ts";
import { until } from "../support/until.ts";
import { startTether } from "../support/tether_process.ts";

const LIMITED = { name: "ProtocolError", code: "request/rate-limited" };

/** The limiter in memory keeps a timer a key, which ends by itself only with its window. */
function fakeTimers(): Disposable {
  const clock = FakeTimers.install({ toFake: ["setTimeout", "clearTimeout"] });
  return { [Symbol.dispose]: () => clock.uninstall() };
}

async function countUntilLimited(take: () => Promise<void>): Promise<number> {
  for (let count = 0;; count++) {
    try {
      await take();
    } catch (error) {
      assert.equal((error as { code: string }).code, "request/rate-limited");
      assert.ok((error as { retryAfterMs: number }).retryAfterMs > 0);
      return count;
    }
  }
}

Deno.test("a user, an address and a sign-in each have a limit, and nobody pays for another", async () => {
  using _timers = fakeTimers();
  const limits = createRequestLimits({ prefix: "test" });
  const ada = userId("ada"), bob = userId("bob");
  assert.equal(
    await countUntilLimited(() => limits.take("request", { address: "10.0.0.1", userId: ada })),
    500,
  );
  await limits.take("request", { address: "10.0.0.1", userId: bob });
  assert.equal(await countUntilLimited(() => limits.take("sign-in", { address: "10.0.0.2" })), 60);
  await limits.take("request", { address: "10.0.0.2" });
  assert.equal(await countUntilLimited(() => limits.take("request", { address: "10.0.0.3" })), 3000);
  await limits.take("request", { address: "10.0.0.4" });
  await limits.take("request", { address: "" });
});

Deno.test("nodes share the counts, and each counts alone while Redis is away", async () => {
  await using server = await startRedis();
  await using one = createRedis({ url: server.url, log: testLog() });
  await using other = createRedis({ url: server.url, log: testLog() });
  await Promise.all([one.whenUp(), other.whenUp()]);
  const nodes = [one, other].map((redis) => createRequestLimits({ redis, prefix: "test" }));
  const ada = userId("ada");
  let turn = 0;
  const asking = { address: "", userId: ada };
  assert.equal(await countUntilLimited(() => nodes[turn++ % 2]!.take("request", asking)), 500);
  await assert.rejects(nodes[0]!.take("request", asking), LIMITED);
  await assert.rejects(nodes[1]!.take("request", asking), LIMITED);

  await server.stop("SIGKILL");
  await Promise.all([one, other].map((redis) => until(() => Promise.resolve(!redis.isUp))));
  using _timers = fakeTimers();
  const bob = { address: "", userId: userId("bob") };
  assert.equal(await countUntilLimited(() => nodes[0]!.take("request", bob)), 500);
  await nodes[1]!.take("request", bob);
});

Deno.test("too many sign-ins are answered with 429 and a time, and signing out is never limited with them", async () => {
  await using server = await startTether();
  const client = httpClient(server.url);
  const { body: { token } } = await client.ask("POST", "/api/auth/sign-in", { json: { name: "Ada" } });
  let status = 200;
  for (let count = 0; count < 60 && status === 200; count++) {
    const answer = await httpClient(server.url).ask("POST", "/api/auth/sign-in", { json: { name: "Eve" } });
    status = answer.status;
    if (status !== 429) continue;
    assert.equal(answer.body.error.code, "request/rate-limited");
    assert.ok(Number(answer.headers.get("retry-after")) > 0);
  }
  assert.equal(status, 429);
  const headers = { authorization: `Bearer ${token}` };
  assert.equal((await httpClient(server.url).ask("GET", "/api/auth/me", { headers })).status, 200);

  for (let count = 0; count < 510; count++) {
    ({ status } = await httpClient(server.url).ask("GET", "/api/auth/me", { headers }));
    if (status !== 200) break;
  }
  assert.equal(status, 429);
  assert.equal((await httpClient(server.url).ask("POST", "/api/auth/sign-out", { headers })).status, 200);
  const me = await httpClient(server.url).ask("GET", "/api/auth/me", { headers });
  assert.notEqual(me.status, 200);
});
