/**
 * Delivers events to this node's sockets with their positions, which Socket.IO's clients keep as the last argument. A
 * client that would hand that argument to its listeners, which may not expect it, gets the event without.
 */
import { Adapter, type BroadcastOptions } from "socket.io-adapter";
import type { BinaryOrText, EngineSocket } from "../../engine/mod.ts";
import { Encoder } from "../parser.ts";
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

/** Sends a packet, encoded once, to a room or all of this node, without the sets that Socket.IO makes of them first. */
function send(adapter: Adapter, packet: OutgoingPacket, opts: BroadcastOptions): void {
  const { rooms, except = NOBODY, flags = {} } = opts;
  if (rooms.size > 1) return Adapter.prototype.broadcast.call(adapter, packet, opts);
  const [room] = rooms;
  const sids = room === undefined ? adapter.sids.keys() : adapter.rooms.get(room) ?? NOBODY;
  const excluded = Array.from(except, (room) => adapter.rooms.get(room) ?? NOBODY);
  const frames = encoder.encode({ ...packet, nsp: adapter.nsp.name }) as BinaryOrText[];
  for (const sid of sids) {
    if (excluded.some((those) => those.has(sid))) continue;
    const conn = adapter.nsp.sockets.get(sid)?.conn as EngineSocket | undefined;
    if (conn === undefined || flags.volatile && !conn.transport.writable) continue;
    for (const frame of frames) conn.write(frame);
  }
}
