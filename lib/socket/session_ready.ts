/** `session:ready`, before anything else: what the client is told of its session, then what it has missed (contract §1). */
import { PROTOCOL_VERSION, type SessionReady } from "../protocol/events.ts";
import type { NodeId } from "../protocol/ids.ts";
import type { EngineSocket } from "../engine/mod.ts";
import { WITHOUT_POSITIONS } from "../eventlog/delivery.ts";
import { type Recovery, type Restored, startAt } from "../eventlog/recovery.ts";
import { emitLocal, type Emitted, type LiveSession } from "./types.ts";

interface WelcomeOptions {
  nodeId: NodeId;
  heartbeatIntervalMs: number;
  recovery: Recovery;
  /** Whether events of other nodes may be missing at present. */
  isDegraded: () => boolean;
}

/** What every session begins with. */
export function createWelcome(
  { nodeId, heartbeatIntervalMs, recovery, isDegraded }: WelcomeOptions,
): (session: LiveSession, restored: Restored | undefined) => void {
  return ({ sid, socket, identity: { user, expiresAt } }, restored) => {
    const missed = restored?.open(socket.rooms);
    const ready: SessionReady = {
      sid,
      user,
      expiresAt,
      heartbeatIntervalMs,
      recovered: missed !== undefined,
      serverTime: Date.now(),
      nodeId,
      protocol: PROTOCOL_VERSION,
      ...(isDegraded() && { degraded: true }),
    };
    const event: Emitted<"session:ready"> = ["session:ready", ready];
    const { position } = recovery;
    if (position === undefined || socket.rooms.has(WITHOUT_POSITIONS)) return emitLocal(socket, ...event);
    if (missed === undefined) socket.data.start = startAt(position);
    // from there on the session can be recovered, even when nothing else comes
    const from = missed?.length ? socket.data.start!.since : position;
    emitLocal(socket, ...event, null, from);
    const conn = socket.conn as unknown as EngineSocket;
    for (const frame of missed?.flat() ?? []) conn.write(frame);
  };
}
