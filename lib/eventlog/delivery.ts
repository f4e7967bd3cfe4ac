/**
 * Delivers events to this node's sockets with their positions, which Socket.IO's clients keep as the last argument. A
 * client that would hand that argument to its listeners, which may not expect it, gets the event without.
 */
import { Adapter, type BroadcastOptions } from "socket.io-adapter";
import type { BinaryOrText, EngineSocket } from "../engine/mod.ts";
import { Encoder } from "./packet_codec.ts";
import { type Position, withPosition } from "./packet_log.ts";

/** An event on its way out, as Socket.IO hands it to an adapter. */
export interface OutgoingPacket {
  type: number;
  data: unknown[];
  /** Set when an acknowledgement is asked for. */
  id?: number;
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
export function isRecoverable(
  { type, id }: OutgoingPacket,
  flags: BroadcastOptions["flags"] = {},
): boolean {
  return type === EVENT && id === undefined && !flags.volatile && !flags.local;
}

/** Sends to those of this node, and to no others. */
export function deliver(
  adapter: Adapter,
  packet: OutgoingPacket,
  { position, ...opts }: BroadcastOptions & { position?: Position | undefined },
): void {
  const broadcast = (packet: OutgoingPacket, opts: BroadcastOptions): void => send(adapter, packet, opts);
  if (position === undefined) return broadcast(packet, opts);
  const without = adapter.rooms.get(WITHOUT_POSITIONS);
  const numbered = { ...packet, data: withPosition(packet.data, position) };
  if (without === undefined) return broadcast(numbered, opts);
  broadcast(numbered, { ...opts, except: new Set(opts.except).add(WITHOUT_POSITIONS) });
  const { rooms } = opts;
  const sids = [...without].filter((sid) =>
    rooms.size === 0 || !adapter.sids.get(sid)!.isDisjointFrom(rooms)
  );
  if (sids.length > 0) broadcast(packet, { ...opts, rooms: new Set(sids) });
}

/** Sends a packet, encoded once, to those of this node in any of `rooms`, or to all; few steps a receiver, for it runs often. */
function send(
  adapter: Adapter,
  packet: OutgoingPacket,
  { rooms, except, flags = {} }: BroadcastOptions,
): void {
  const membersOf = (room: string): ReadonlySet<string> => adapter.rooms.get(room) ?? NOBODY;
  const excluded = Array.from(except ?? [], membersOf), included = Array.from(rooms, membersOf);
  // who is in several of the rooms gets it once; one room needs no set of its own
  const sids = included.length > 1 ? new Set(included.flatMap((those) => [...those])) : included[0];
  const frames = encoder.encode({ ...packet, nsp: adapter.nsp.name }) as BinaryOrText[];
  for (const sid of sids ?? adapter.sids.keys()) {
    if (excluded.some((those) => those.has(sid))) continue;
    const conn = adapter.nsp.sockets.get(sid)?.conn as EngineSocket | undefined;
    if (conn === undefined || flags.volatile && !conn.transport.writable) continue;
    for (const frame of frames) conn.write(frame);
  }
}
