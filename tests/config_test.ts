import assert from "node:assert/strict";
import { ConfigError, loadConfig } from "../lib/config.ts";

const SECRET = "a-secret-of-at-least-thirty-two-bytes";

Deno.test("loadConfig() gives the contract's defaults and turns demo mode on when no key is set", () => {
  const config = loadConfig({});
  assert.equal(config.port, 8000);
  assert.equal(config.demo, true);
  assert.equal(config.hostname, "127.0.0.1");
  assert.equal(config.redis, null);
  assert.equal(config.heartbeatIntervalMs, 30_000);
  assert.equal(config.pingIntervalMs, 25_000);
  assert.equal(config.jwt.expiresInS, 4 * 7 * 86_400);
  assert.deepEqual(config.corsOrigins, []);
});

Deno.test("loadConfig() listens on all interfaces once a key is set", () => {
  const config = loadConfig({ JWT_SECRET: SECRET });
  assert.equal(config.demo, false);
  assert.equal(config.hostname, "0.0.0.0");
});

Deno.test("loadConfig() counts an empty value as unset", () => {
  assert.equal(loadConfig({ PORT: "", HOST: " " }).port, 8000);
});

Deno.test("loadConfig() reads durations, flags, origins and the Redis address with its fallback", () => {
  const config = loadConfig({
    JWT_SECRET: SECRET,
    JWT_EXPIRES_IN: "90m",
    ENABLE_WEBSOCKET_SUPPORT: "False",
    CORS_ALLOW_ORIGIN: "https://a.example; https://b.example:8443",
    REDIS_URL: "redis://127.0.0.1:6379/1",
    WEBSOCKET_SERVER_PING_INTERVAL: "0.3",
  });
  assert.equal(config.jwt.expiresInS, 5400);
  assert.equal(config.websocketEnabled, false);
  assert.deepEqual(config.corsOrigins, ["https://a.example", "https://b.example:8443"]);
  assert.equal(config.redis?.url, "redis://127.0.0.1:6379/1");
  assert.equal(config.pingIntervalMs, 300);
  assert.equal(loadConfig({ JWT_EXPIRES_IN: "-1" }).jwt.expiresInS, null);
});

Deno.test("loadConfig() reads sentinels with and without ports, and refuses what is no host", () => {
  const load = (hosts: string) =>
    loadConfig({ JWT_SECRET: SECRET, WEBSOCKET_REDIS_URL: "redis://main", WEBSOCKET_SENTINEL_HOSTS: hosts });
  assert.deepEqual(load("a, b:1;[::1]:2").redis?.sentinelHosts, ["a", "b:1", "[::1]:2"]);
  for (const bad of ["a/b", "a:port", "u@a"]) assert.throws(() => load(bad), ConfigError);
});

Deno.test("loadConfig() lists every problem in one error and shows no secret", () => {
  const secret = "too-short-a-secret";
  assert.throws(() =>
    loadConfig({
      PORT: "eighty",
      JWT_SECRET: secret,
      AUTH_DEMO: "perhaps",
      LOG_LEVEL: "loud",
      JWT_EXPIRES_IN: "4 weeks",
      WEBSOCKET_HEARTBEAT_INTERVAL: "600",
      REDIS_URL: "http://127.0.0.1",
      CORS_ALLOW_ORIGIN: "example.org",
    }), (error) => {
    assert.ok(error instanceof ConfigError);
    assert.equal(error.problems.length, 8);
    for (const name of ["PORT", "JWT_SECRET", "AUTH_DEMO", "LOG_LEVEL", "REDIS_URL"]) {
      assert.match(error.message, new RegExp(name));
    }
    assert.ok(!error.message.includes(secret));
    return true;
  });
});

const CONFLICTS: [string, Record<string, string>, RegExp][] = [
  ["two keys", { JWT_SECRET: SECRET, JWT_JWKS_URL: "https://keys.example" }, /exclude each other/],
  ["no key and no demo", { AUTH_DEMO: "false" }, /no key is set/],
  [
    "demo with a key it cannot sign with",
    { AUTH_DEMO: "true", JWT_JWKS_URL: "https://keys.example" },
    /signs its own/,
  ],
  ["the redis manager without Redis", { WEBSOCKET_MANAGER: "redis" }, /neither/],
  ["Cluster without an address", { WEBSOCKET_REDIS_CLUSTER: "true" }, /need WEBSOCKET_REDIS_URL/],
  ["* beside an origin", { CORS_ALLOW_ORIGIN: "*;https://a.example" }, /either \* or/],
];
for (const [what, environment, message] of CONFLICTS) {
  Deno.test(`loadConfig() refuses ${what}`, () => {
    assert.throws(() => loadConfig(environment), message);
  });
}

Deno.test("loadConfig() keeps no files on Deno Deploy", () => {
  assert.equal(loadConfig({ DENO_DEPLOYMENT_ID: "abc", JWT_SECRET: SECRET }).dataDir, null);
});
