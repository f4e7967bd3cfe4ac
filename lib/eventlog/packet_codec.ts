/**
 * Socket.IO's own parser, with a shorter way for what nearly every packet is: an event or an acknowledgement of plain
 * JSON on the main namespace. The wire format is the same, and whatever is unusual goes the official way.
 */
import {
  Decoder as OfficialDecoder,
  Encoder as OfficialEncoder,
  type Packet,
  PacketType,
} from "socket.io-parser";

type Listener = (packet: Packet) => void;

const EVENT = 0x32, ACK = 0x33, BINARY_EVENT = 0x35, BRACKET = 0x5b, ZERO = 0x30;
/** The names that Socket.IO keeps to itself. */
const RESERVED = new Set<unknown>([
  "connect",
  "connect_error",
  "disconnect",
  "disconnecting",
  "newListener",
  "removeListener",
]);
/** Longer ids may not be exact numbers; the official parser deals with them. */
const MAX_ID_DIGITS = 15;

/** Pass this file's two classes to `new Server({ parser: { Encoder, Decoder } })`. */
export class Encoder extends OfficialEncoder {
  override encode(packet: Packet): unknown[] {
    const { type, nsp, id, data } = packet;
    const short = (type === PacketType.EVENT || type === PacketType.ACK) && nsp === "/" && isPlain(data);
    return short ? [`${type}${id ?? ""}${JSON.stringify(data)}`] : super.encode(packet);
  }
}

const encoder = new Encoder();

/** The frames of an event on the main namespace, without the Engine.IO prefix. */
export function encodeEvent(data: unknown[]): (string | Uint8Array<ArrayBuffer>)[] {
  return encoder.encode({ type: PacketType.EVENT, nsp: "/", data }) as (string | Uint8Array<ArrayBuffer>)[];
}

/** Emits `decoded` with every whole packet; throws on an invalid one. */
export class Decoder {
  #listener: Listener | undefined;
  /** There while a packet needs it: most clients send one such packet, their first. */
  #official: OfficialDecoder | undefined;
  /** Attachments that a binary packet still waits for. */
  #attachments = 0;

  on(_event: "decoded", listener: Listener): this {
    const earlier = this.#listener;
    this.#listener = earlier === undefined ? listener : (packet) => {
      earlier(packet);
      listener(packet);
    };
    return this;
  }

  add(data: unknown): void {
    if (this.#attachments === 0 && typeof data === "string") {
      const packet = decodeShort(data);
      if (packet !== undefined) return this.#listener?.(packet);
    }
    this.#official ??= new OfficialDecoder().on("decoded", (packet: Packet) => this.#pass(packet));
    this.#official.add(data);
    if (typeof data !== "string") this.#attachments--;
    else if (data.charCodeAt(0) >= BINARY_EVENT) this.#attachments = Number.parseInt(data.slice(1));
    if (this.#attachments === 0) this.#official = undefined;
  }

  /** Socket.IO would answer a connect to a namespace that is not there, for as long as its client likes. */
  #pass(packet: Packet): void {
    if (packet.type === PacketType.CONNECT && packet.nsp !== "/") throw new Error("No such namespace");
    this.#listener?.(packet);
  }

  /** Lets go of a packet that is not whole. */
  destroy(): void {
    this.#official?.destroy();
    this.#official = undefined;
    this.#attachments = 0;
  }

  /** Called by Socket.IO when it needs this decoder no more. */
  removeListener(): void {
    this.#listener = undefined;
  }
}

/** An event such as `2["name",{}]` or `217["name",{}]`; undefined for all else, valid or not. */
export function decodeEvent(text: string): Packet | undefined {
  return text.charCodeAt(0) === EVENT ? decodeShort(text) : undefined;
}

/** An event or acknowledgement such as `2["name",{}]` or `217["name"]`; undefined for all else, valid or not. */
function decodeShort(text: string): Packet | undefined {
  const type = text.charCodeAt(0);
  if (type !== EVENT && type !== ACK) return undefined;
  let at = 1, id: number | undefined;
  for (; at <= MAX_ID_DIGITS; at++) {
    const digit = text.charCodeAt(at) - ZERO;
    if (!(digit >= 0 && digit <= 9)) break;
    id = (id ?? 0) * 10 + digit;
  }
  if (text.charCodeAt(at) !== BRACKET) return undefined;
  let data: unknown[];
  try {
    data = JSON.parse(text.slice(at));
  } catch {
    return undefined;
  }
  if (type === ACK) return { type: PacketType.ACK, nsp: "/", id, data };
  const name = data[0];
  if (typeof name !== "number" && (typeof name !== "string" || RESERVED.has(name))) return undefined;
  return { type: PacketType.EVENT, nsp: "/", id, data };
}

/** Whether `value` is JSON as it stands: no bytes, no `toJSON`, no class of its own. */
function isPlain(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return true;
  if (Array.isArray(value)) return value.every(isPlain);
  const prototype = Object.getPrototypeOf(value);
  if ((prototype !== Object.prototype && prototype !== null) || "toJSON" in value) return false;
  for (const key in value) if (!isPlain((value as Record<string, unknown>)[key])) return false;
  return true;
}
