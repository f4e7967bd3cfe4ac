/**
 * The entries of an inbox: what one node sent in one step, as far as it concerns the node whose inbox it is. The first
 * field names the sender and the number of its first event; then comes a field an event or message: its header, and
 * its text. An entry without events is a sign of life.
 */
import { Buffer } from "node:buffer";
import type { Delivery, Frames } from "./delivery.ts";

/** The fields of an entry, name and value in turn. */
export type Fields = readonly string[];

/** A message between nodes: told, asked, or answered. */
export interface Message {
  topic: string;
  data: unknown;
  /** Names the question. */
  id?: string;
  isAnswer?: boolean;
}

/** Who takes what an entry holds. `index` is its place in the entry. */
interface EntryReader {
  event(delivery: Delivery & { isRecoverable: boolean }, index: number): void;
  message?(message: Message, from: string): void;
}

/** What stands before the text of an event or message; its index is put in front of it when it is sent. */
export type Header = `,${string}`;

const RECOVERABLE = 1, VOLATILE = 2;

/** The node that sent an entry. */
export function senderOf(fields: Fields): string {
  return fields[0]!;
}

/** The number of the first event of its step. */
export function numberOf(fields: Fields): number {
  return Number(fields[1]);
}

/** The header of an event. */
export function eventHeader(
  { frames: [, ...attachments], rooms, except, isRecoverable, isVolatile }: Delivery & {
    isRecoverable: boolean;
  },
): Header {
  const flags = (isRecoverable ? RECOVERABLE : 0) | (isVolatile ? VOLATILE : 0);
  const base64 = attachments.map((bytes) => toBuffer(bytes).toString("base64"));
  return `,${JSON.stringify([rooms, except, flags, ...base64]).slice(1)}`;
}

/** The header of a message. */
export function messageHeader({ topic, id, isAnswer }: Omit<Message, "data">): Header {
  return `,${JSON.stringify([topic, id, isAnswer]).slice(1)}`;
}

/** Hands everything in an entry of another node to `reader`. */
export function readEntry(fields: Fields, reader: EntryReader): void {
  for (let at = 2; at < fields.length; at += 2) {
    const [index, first, second, third, ...base64] = JSON.parse(fields[at]!);
    const text = fields[at + 1]!;
    if (typeof first === "string") {
      const id = second === null ? {} : { id: second as string, isAnswer: third === true };
      reader.message?.({ topic: first, data: JSON.parse(text), ...id }, senderOf(fields));
    } else {
      const frames: Frames = base64.length === 0
        ? [text]
        : [text, ...base64.map((bytes: string) => new Uint8Array(Buffer.from(bytes, "base64")))];
      const [isRecoverable, isVolatile] = [(third & RECOVERABLE) !== 0, (third & VOLATILE) !== 0];
      reader.event({ frames, rooms: first, except: second, isRecoverable, isVolatile }, index);
    }
  }
}

function toBuffer(data: Frames[number]): Buffer {
  return ArrayBuffer.isView(data)
    ? Buffer.from(data.buffer, data.byteOffset, data.byteLength)
    : Buffer.from(data as ArrayBuffer);
}
