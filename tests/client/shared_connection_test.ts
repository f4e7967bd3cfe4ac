/** One connection a page, however many ask for it. */
import assert from "node:assert/strict";
import { getConnection } from "../../lib/client/mod.ts";
import { createFakeClock, FakeTransport, settle } from "./support.ts";

function options(url: string, transport = new FakeTransport()) {
  return { url, getToken: () => "t", clock: createFakeClock(), createTransport: () => transport };
}

Deno.test("getConnection() shares one connection by address and disposes it with its last reference", async () => {
  const transport = new FakeTransport();
  const given = options("http://one.test", transport);
  const first = getConnection(given);
  const second = getConnection(options("http://one.test"));
  const other = getConnection(options("http://two.test"));
  first.connect();
  second.connect();
  await settle();
  transport.ready();
  await settle();
  assert.equal(second.state.status, "connected");
  assert.equal(other.state.status, "disconnected");
  assert.equal(transport.tokens.length, 1);

  const heard: string[] = [];
  first.on("usage", () => heard.push("first"));
  second.on("usage", () => heard.push("second"));
  first.dispose();
  first.dispose();
  first.disconnect();
  transport.handlers?.onEvent("usage", { models: [] });
  assert.deepEqual(heard, ["second"]);
  await assert.rejects(first.request("presence:list", {}), { code: "disconnected" });
  assert.equal(second.state.status, "connected");

  second[Symbol.dispose]();
  assert.equal(transport.isOpen, false);
  assert.equal(given.clock.timers(), 0);
  other.dispose();
});

Deno.test("getConnection() makes a new connection after the last one was disposed", () => {
  const first = getConnection(options("http://one.test"));
  first.dispose();
  const second = getConnection(options("http://one.test"));
  assert.deepEqual(second.history, []);
  assert.deepEqual(second.rtt.samples, []);
  second.dispose();
});

Deno.test("getConnection() gives references whose subscriptions stop by themselves or one by one", () => {
  using holder = getConnection(options("http://one.test"));
  const reference = getConnection(options("http://one.test"));
  const seen: string[] = [];
  const stop = reference.subscribe(({ status }) => seen.push(`a ${status}`));
  reference.subscribe(({ status }) => seen.push(`b ${status}`));
  stop();
  holder.connect();
  reference.dispose();
  holder.disconnect();
  assert.deepEqual(seen, ["a disconnected", "b disconnected", "b connecting"]);
  assert.deepEqual(reference.on("usage", () => {})(), undefined);
});

Deno.test("getConnection() ends a reference, and not the connection of all, by the signal of its options", () => {
  using holder = getConnection(options("http://one.test"));
  const abort = new AbortController();
  const reference = getConnection({ ...options("http://one.test"), signal: abort.signal });
  const seen: string[] = [];
  reference.subscribe(({ status }) => seen.push(status));
  abort.abort();
  holder.connect();
  assert.equal(holder.state.status, "connecting");
  assert.deepEqual(seen, ["disconnected"]);
});
