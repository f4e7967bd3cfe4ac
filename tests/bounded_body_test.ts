import assert from "node:assert/strict";
import FakeTimers from "@sinonjs/fake-timers";
import { readBounded, SlowBodyError } from "../lib/bounded_body.ts";

function body(...pieces: (string | Uint8Array<ArrayBuffer>)[]): ReadableStream<Uint8Array<ArrayBuffer>> {
  const encoder = new TextEncoder();
  return ReadableStream.from(
    pieces.map((piece) => typeof piece === "string" ? encoder.encode(piece) : piece),
  );
}

Deno.test("readBounded() reads text whose characters are cut anywhere", async () => {
  const [one, two] = [new Uint8Array([0xe2, 0x82]), new Uint8Array([0xac])];
  assert.equal(await readBounded(body("a", one, two), 4), "a€");
  assert.equal(await readBounded(null, 4), "");
});

Deno.test("readBounded() refuses what is too large or not UTF-8, and reads no further", async () => {
  await assert.rejects(readBounded(body("abc", "de"), 4), RangeError);
  await assert.rejects(readBounded(body(new Uint8Array([0xff])), 4), TypeError);
  let isCancelled = false;
  const endless = new ReadableStream<Uint8Array>({
    pull: (controller) => controller.enqueue(new Uint8Array(10)),
    cancel: () => void (isCancelled = true),
  });
  await assert.rejects(readBounded(endless, 100), RangeError);
  assert.equal(isCancelled, true);
});

Deno.test("readBounded() waits ten seconds for a body that does not end", async () => {
  const clock = FakeTimers.install({ toFake: ["setTimeout", "clearTimeout"] });
  try {
    const stalled = new ReadableStream<Uint8Array>({
      start: (controller) => controller.enqueue(new TextEncoder().encode("{")),
    });
    const read = assert.rejects(readBounded(stalled, 100), SlowBodyError);
    clock.tick(9_999);
    await Promise.resolve();
    clock.tick(1);
    await read;
  } finally {
    clock.uninstall();
  }
});
