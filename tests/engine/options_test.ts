/** The check of the engine's options: each bad value is named, with its rule. */
import assert from "node:assert/strict";
import { createEngine, type EngineOptions } from "../../lib/engine/mod.ts";

const BAD: [EngineOptions, RegExp][] = [
  [{ path: "socket.io" }, /'path' must start with "\/": current value is "socket\.io"/],
  [{ pingIntervalMs: 0 }, /'pingIntervalMs' must be a whole number of 1 to 2147483647: current value is 0/],
  [{ pingTimeoutMs: 1.5 }, /'pingTimeoutMs' .* 1\.5/],
  [{ upgradeTimeoutMs: -1 }, /'upgradeTimeoutMs'/],
  [{ closeTimeoutMs: NaN }, /'closeTimeoutMs' .* NaN/],
  [{ bodyTimeoutMs: Infinity }, /'bodyTimeoutMs' .* Infinity/],
  [{ maxPayload: 0 }, /'maxPayload'/],
  [{ sendBufferBytes: -5 }, /'sendBufferBytes'/],
  [{ trustProxy: -1 }, /'trustProxy'/],
  [{ transports: [] }, /'transports' must name .* current value is \[\]/],
  [{ transports: ["polling", "polling"] }, /'transports'/],
  [{ transports: ["webtransport" as "polling"] }, /'transports'/],
  [{ cors: { origins: "https://app.example" as "*" } }, /'cors\.origins' must be "same-origin"/],
  [{ cors: { origins: ["app.example"] } }, /'cors\.origins' .* current value is "app\.example"/],
  [{ cors: { origins: ["https://app.example/"] } }, /'cors\.origins'/],
  [{ cors: { origins: "*", credentials: true } }, /'cors\.credentials' needs explicit origins/],
];

for (const [options, message] of BAD) {
  Deno.test(`createEngine() refuses ${JSON.stringify(options)}`, () => {
    assert.throws(() => createEngine(options), message);
  });
}

Deno.test("createEngine() takes every option", async () => {
  await using engine = createEngine({
    path: "/ws",
    pingIntervalMs: 1,
    transports: ["polling"],
    cors: { origins: ["https://app.example", "http://localhost:5173"], credentials: true },
    trustProxy: 2,
  });
  assert.equal(engine.clientsCount, 0);
});
