/** `session:ready`, before anything else: what the client is told of its session, then what it has missed (contract §1). */
import { PROTOCOL_VERSION, type SessionReady } from "../protocol/events.ts";
import type { NodeId } from "../protocol/ids.ts";
import { WITHOUT_POSITIONS } from "../eventlog/delivery.ts";
import { withPosition } from "../eventlog/packet_log.ts";
import type { Recovery } from "../eventlog/recovery.ts";
import { emitLocal, type Emitted, type LiveSession } from "./types.ts";

/** Options of {@linkcode createWelcome}. */
interface WelcomeOptions {
  nodeId: NodeId;
  heartbeatIntervalMs: number;
  recovery: Recovery;
  /** Whether events of other nodes may be missing at present. */
  isDegraded: () => boolean;
}

/** Makes the function that every session begins with. */
export function createWelcome(
  { nodeId, heartbeatIntervalMs, recovery, isDegraded }: WelcomeOptions,
): (session: LiveSession) => void {
  return ({ sid, socket, identity: { user, expiresAt } }) => {
    const { missedSince } = socket.data;
    socket.data.resumedAt = Date.now();
    const missed = missedSince === undefined ? undefined : recovery.missed(missedSince, socket.rooms);
    const ready: SessionReady = {
      ...{ sid, user, expiresAt, heartbeatIntervalMs },
      recovered: missed !== undefined,
      serverTime: Date.now(),
      nodeId,
      protocol: PROTOCOL_VERSION,
      ...(isDegraded() && { degraded: true }),
    };
    // from this position on the session can be recovered, even when nothing else comes
    const position = missed === undefined ? recovery.position : missedSince;
    const event: Emitted<"session:ready"> = ["session:ready", ready];
    const takesNone = position === undefined || socket.rooms.has(WITHOUT_POSITIONS);
    emitLocal(socket, ...takesNone ? event : withPosition(event, position) as Emitted<"session:ready">);
    // as they were when they were sent with their types
    for (const event of missed ?? []) emitLocal(socket, ...event as Emitted<"events">);
  };
}
