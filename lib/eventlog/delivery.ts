/**
 * Delivers events to this node's sockets with their positions, which Socket.IO's clients keep as the last argument. A
 * client that would hand that argument to its listeners, which may not expect it, gets the event without.
 */
import type { Adapter, BroadcastFlags } from "socket.io-adapter";
import type { BinaryOrText, EngineSocket } from "../engine/mod.ts";
import { Encoder } from "./packet_codec.ts";
import type { Position } from "./position.ts";

/** An event on its way out, as Socket.IO hands it to an adapter. */
export interface OutgoingPacket {
  type: number;
  data: unknown[];
  /** Set when an acknowledgement is asked for. */
  id?: number;
}

/** An event as connections get it, but for its position: a text that ends with a bracket, and what is attached to it. */
export type Frames = readonly [text: string, ...attachments: BinaryOrText[]];

/** An event, and to whom of this node it goes. */
export interface Delivery {
  frames: Frames;
  /** Whom it is for; everybody without any. */
  rooms: readonly string[];
  except: readonly string[];
  /** Without one the event cannot be recovered. */
  position?: Position | undefined;
  /** Whether to leave out whoever cannot take it at once. */
  isVolatile?: boolean | undefined;
}

/** The room of those who get no positions; no id of the contract begins so. */
export const WITHOUT_POSITIONS = "without-positions";

const EVENT = 2;
const NOBODY: ReadonlySet<string> = new Set();
const encoder = new Encoder();
// libraries whose listeners take exactly the arguments of the event
const STRICT_ARGUMENTS = /\b(python|aiohttp|dart)\b/i;

/**
 * Whether the client of this handshake can be given positions: it can say so itself with `auth.recovery`. Python's
 * WebSocket client names itself not at all, but names an origin, which nothing else does that is not a browser.
 */
export function takesPositions(
  { auth, headers }: { auth: Record<string, unknown>; headers: Record<string, unknown> },
): boolean {
  if (typeof auth.recovery === "boolean") return auth.recovery;
  const { "user-agent": agent, origin } = headers;
  return typeof agent === "string" ? !STRICT_ARGUMENTS.test(agent) : origin === undefined;
}

/** Whether a recovered session is to get this packet: events that are neither calls nor droppable nor one node's. */
export function isRecoverable({ type, id }: OutgoingPacket, flags: BroadcastFlags = {}): boolean {
  return type === EVENT && id === undefined && !flags.volatile && !flags.local;
}

/** Encodes a packet for the main namespace. */
export function framesOf({ type, data, id }: OutgoingPacket): Frames {
  return encoder.encode({ type, data, id, nsp: "/" }) as [string, ...BinaryOrText[]];
}

/** The frames with a position where a client looks for it; listeners find `null` in the place of a call's answer. */
export function withPosition(frames: Frames, position: Position): Frames {
  const [text, ...attachments] = frames;
  return [`${text.slice(0, -1)},null,"${position}"]`, ...attachments];
}

/** Sends to those of this node, and to no others; `hold` takes what is for a session that is not open yet. */
export function deliver(
  adapter: Adapter,
  { position, ...delivery }: Delivery,
  hold?: (sid: string, delivery: Delivery) => void,
): void {
  const { frames, rooms, except } = delivery;
  const held = hold && ((sid: string): void => hold(sid, { ...delivery, position }));
  if (position === undefined) return send(adapter, delivery, held);
  const without = adapter.rooms.get(WITHOUT_POSITIONS);
  const numbered = { ...delivery, frames: withPosition(frames, position) };
  if (without === undefined) return send(adapter, numbered, held);
  send(adapter, { ...numbered, except: [...except, WITHOUT_POSITIONS] }, held);
  const sids = [...without].filter((sid) =>
    rooms.length === 0 || rooms.some((room) => adapter.rooms.get(room)?.has(sid))
  );
  if (sids.length > 0) send(adapter, { ...delivery, rooms: sids });
}

/** Sends the same frames to all; few steps a receiver, for it runs often. */
function send(
  adapter: Adapter,
  { frames, rooms, except, isVolatile = false }: Omit<Delivery, "position">,
  hold?: (sid: string) => void,
): void {
  const membersOf = (room: string): ReadonlySet<string> => adapter.rooms.get(room) ?? NOBODY;
  const excluded = except.map(membersOf), included = rooms.map(membersOf);
  // who is in several of the rooms gets it once; one room needs no set of its own
  const sids = included.length > 1 ? new Set(included.flatMap((those) => [...those])) : included[0];
  for (const sid of sids ?? adapter.sids.keys()) {
    if (excluded.some((those) => those.has(sid))) continue;
    const conn = adapter.nsp.sockets.get(sid)?.conn as EngineSocket | undefined;
    if (conn === undefined) hold?.(sid);
    else if (!isVolatile || conn.transport.writable) { for (const frame of frames) conn.write(frame); }
  }
}
