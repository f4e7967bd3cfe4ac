/**
 * The parser against the official one: the same frames out, the same packets in, the same refusals; and one refusal more,
 * of a connect to another namespace than the main one.
 */
import assert from "node:assert/strict";
import fc from "fast-check";
import * as official from "socket.io-parser";
import { Decoder, Encoder } from "../../lib/eventlog/packet_codec.ts";

type Frames = (string | Uint8Array<ArrayBuffer>)[];

function decode(decoder: Decoder | official.Decoder, frames: Frames): unknown[] {
  const seen: unknown[] = [];
  decoder.on("decoded", ({ type, nsp, id, data }) => {
    if (decoder instanceof official.Decoder && type === official.PacketType.CONNECT && nsp !== "/") {
      throw new Error("Ours refuses it");
    }
    seen.push({ type, nsp, id, data });
  });
  try {
    for (const frame of frames) decoder.add(frame);
  } catch {
    seen.push("refused");
  }
  decoder.destroy();
  return seen;
}

function assertSameDecoding(frames: Frames): void {
  assert.deepEqual(decode(new Decoder(), frames), decode(new official.Decoder(), frames));
}

const CASES: Frames[] = [
  ['2["a",1]'],
  ['217["a",{"b":[null]}]'],
  ["30[]"],
  ["3[1]"],
  ['2/chat,1["a"]'],
  ["0", '0{"token":"t"}', "1", '4{"message":"no"}'],
  ["0/admin,"],
  ['0/admin,{"token":"t"}', "0"],
  ['2["disconnect"]'],
  ["2[]"],
  ["2[5]"],
  ["2{}"],
  ["2"],
  ['2["a"'],
  ['2999999999999999["a"]'],
  ['29999999999999999999["a"]'],
  ['2 1["a"]'],
  ["7[]"],
  [""],
  ['51-["a",{"_placeholder":true,"num":0}]', Uint8Array.of(1), '2["after"]'],
  ['52-["a",{"_placeholder":true,"num":1}]', Uint8Array.of(1), Uint8Array.of(2), '2["after"]'],
  ['62-9[{"_placeholder":true,"num":0}]', Uint8Array.of(1), Uint8Array.of(2)],
  ['51-["a",{"_placeholder":true,"num":0}]', '2["too early"]'],
  [Uint8Array.of(1)],
  ['5-["a"]'],
  ['50-["a"]', '2["after"]'],
  ['511-["a"]'],
];

for (const frames of CASES) {
  Deno.test(`Decoder agrees with the official one on ${JSON.stringify(frames)}`, () =>
    assertSameDecoding(frames));
}

Deno.test("Decoder agrees with the official one on random and mutated frames", () => {
  const text = fc.tuple(
    fc.constantFrom("2", "3", "21", "312", "51-", "61-1", "0", ""),
    fc.json(),
    fc.nat(),
    fc.string(),
  ).map(
    ([head, json, at, put]) => {
      const frame = `${head}["a",${json}]`;
      return at % 3 ? frame : frame.slice(0, at % frame.length) + put + frame.slice(at % frame.length + 1);
    },
  );
  const frame = fc.oneof({ weight: 5, arbitrary: text }, {
    weight: 1,
    arbitrary: fc.constant(Uint8Array.of(1)),
  });
  fc.assert(fc.property(fc.array(frame, { maxLength: 5 }), assertSameDecoding), { numRuns: 3_000 });
});

Deno.test("Decoder tells every listener when there are several", () => {
  const decoder = new Decoder();
  const seen: number[] = [];
  decoder.on("decoded", () => seen.push(1));
  decoder.on("decoded", () => seen.push(2));
  decoder.add('2["a"]');
  assert.deepEqual(seen, [1, 2]);
});

Deno.test("Encoder agrees with the official one, binary and odd objects included", () => {
  class Own {
    shown = 1;
  }
  const odd = fc.constantFrom<unknown>(Uint8Array.of(1), new ArrayBuffer(2), new Date(0), new Own(), {
    toJSON: () => "x",
  });
  const value = fc.oneof({ weight: 4, arbitrary: fc.anything({ withNullPrototype: true }) }, odd);
  const packet = fc.record({
    type: fc.constantFrom(official.PacketType.EVENT, official.PacketType.ACK),
    nsp: fc.constantFrom("/", "/chat"),
    id: fc.option(fc.nat(), { nil: undefined }),
    data: fc.array(fc.oneof(value, fc.record({ deep: value })), { maxLength: 3 }),
  });
  const attempt = (encoder: official.Encoder, packet: official.Packet): unknown => {
    try {
      return encoder.encode(packet);
    } catch (error) {
      return (error as Error).name;
    }
  };
  fc.assert(
    fc.property(packet, (packet) => {
      assert.deepEqual(attempt(new Encoder(), { ...packet }), attempt(new official.Encoder(), { ...packet }));
    }),
    { numRuns: 3_000 },
  );
});
