import assert from "node:assert/strict";
import { createStrangers, type Stranger } from "../../lib/socket/strangers.ts";

const OPTIONS = { max: 100, patienceMs: 20_000 };

function crowd() {
  let now = 0;
  const strangers = createStrangers({ ...OPTIONS, now: () => now });
  const ended: Stranger[] = [];
  /** Opens a connection from `address`, if there is a place. */
  function open(address: string): Stranger | undefined {
    if (!strangers.hasPlace(address)) return undefined;
    const stranger: Stranger = { remoteAddress: address, close: () => void ended.push(stranger) };
    strangers.add(stranger);
    return stranger;
  }
  return { strangers, ended, open, pass: (ms: number) => void (now += ms) };
}

Deno.test("an address has a quarter of the places, and a network of IPv6 is one", () => {
  for (const address of [() => "192.0.2.1", (n: number) => `2001:db8::${n}`]) {
    const { open } = crowd();
    const opened = Array.from({ length: 30 }, (_, n) => open(address(n))).filter((one) => one !== undefined);
    assert.equal(opened.length, 25);
    assert.ok(open("192.0.2.2"));
  }
});

Deno.test("all addresses together have no more places than there are", () => {
  const { open } = crowd();
  const opened = Array.from({ length: 200 }, (_, n) => open(`192.0.2.${n}`)).filter((one) =>
    one !== undefined
  );
  assert.equal(opened.length, 100);
});

Deno.test("who becomes a session or goes leaves its place", () => {
  const { strangers, open } = crowd();
  const opened = Array.from({ length: 25 }, () => open("192.0.2.1"));
  assert.equal(open("192.0.2.1"), undefined);
  strangers.delete(opened[0]!);
  strangers.delete(opened[0]!);
  assert.ok(open("192.0.2.1"));
  assert.equal(open("192.0.2.1"), undefined);
});

Deno.test("the fuller the places of an address, the less time its connections have, but never less than a second", () => {
  const { ended, open, pass } = crowd();
  const first = open("192.0.2.1");
  for (let n = 0; n < 24; n++) open("192.0.2.1");
  pass(1_000);
  assert.equal(open("192.0.2.1"), undefined);
  assert.deepEqual(ended, []);
  pass(1);
  assert.ok(open("192.0.2.1"));
  // each that goes gives those that stay 0.8 s more
  assert.equal(ended[0], first);
  assert.equal(ended.length, 2);
});

Deno.test("an address that holds few has time, while another fills its share", () => {
  const { ended, open, pass } = crowd();
  const calm = open("192.0.2.1");
  for (let n = 0; n < 25; n++) open("192.0.2.2");
  pass(10_000);
  open("192.0.2.2");
  assert.ok(ended.length > 0 && !ended.includes(calm!));
});

Deno.test("the oldest of all go when all places are taken", () => {
  const { ended, open, pass } = crowd();
  const first = open("198.51.100.1");
  for (let n = 1; n < 100; n++) open(`192.0.2.${n}`);
  pass(1_001);
  assert.ok(open("198.51.100.2"));
  assert.equal(ended[0], first);
});
