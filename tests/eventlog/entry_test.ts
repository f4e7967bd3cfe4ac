import assert from "node:assert/strict";
import fc from "fast-check";
import { framesOf } from "../../lib/eventlog/delivery.ts";
import { eventHeader, messageHeader, numberOf, readEntry, senderOf } from "../../lib/eventlog/entry.ts";

const room = fc.string({ unit: "binary" });
const argument = fc.oneof(fc.jsonValue(), fc.uint8Array());

Deno.test("an event is read from an entry as it was written, bytes too", () => {
  const event = fc.record({
    data: fc.array(argument),
    rooms: fc.array(room),
    except: fc.array(room),
    isRecoverable: fc.boolean(),
    isVolatile: fc.boolean(),
  });
  fc.assert(fc.property(fc.array(event, { maxLength: 4 }), (events) => {
    const fields = ["node", "12"];
    const written = events.map(({ data, ...event }) => ({
      ...event,
      frames: framesOf({ type: 2, data: ["e", ...data] }),
    }));
    for (const [index, event] of written.entries()) {
      fields.push(`[${index}${eventHeader(event)}`, event.frames[0]);
    }
    const read: unknown[] = [];
    readEntry(fields, { event: (event, index) => read[index] = event });
    assert.deepEqual(read, written);
    assert.deepEqual([senderOf(fields), numberOf(fields)], ["node", 12]);
  }));
});

Deno.test("messages, questions and answers are read as they were written", () => {
  const messages = [
    { topic: "t", data: { a: 1 } },
    { topic: "t", data: null, id: "q", isAnswer: false },
    { topic: "u", data: "x", id: "q", isAnswer: true },
  ];
  const fields = ["node", "1"];
  for (const [index, { data, ...message }] of messages.entries()) {
    fields.push(`[${index}${messageHeader(message)}`, JSON.stringify(data));
  }
  const read: unknown[] = [];
  readEntry(fields, { event: () => assert.fail(), message: (message, from) => read.push([message, from]) });
  assert.deepEqual(read, messages.map((message) => [message, "node"]));
});
