/** The adapter of a process that stands alone: rooms in memory, and a bounded log so that a session can be recovered. */
import type { AdapterConstructor } from "./adapter_constructor.ts";
import { Adapter, type BroadcastOptions } from "socket.io-adapter";
import { deliver, isRecoverable, type OutgoingPacket } from "./delivery.ts";
import { createPacketLog, type PacketLog, type Position } from "./packet_log.ts";
import {
  createRecovery,
  MAX_DISCONNECTION_MS,
  type Recovery,
  type SavedSession,
  type SavedSessions,
} from "./recovery.ts";

/** Options of {@linkcode createMemoryAdapter}. */
export interface MemoryAdapterOptions {
  /** As in `createRecovery`. */
  inFlightMs: number;
}

const MAX_SAVED = 10_000;

/** Makes the adapter and the recovery that go together. */
export function createMemoryAdapter(
  { inFlightMs }: MemoryAdapterOptions,
): { adapter: AdapterConstructor; recovery: Recovery } {
  const packets = createPacketLog({ keepMs: MAX_DISCONNECTION_MS + inFlightMs });
  const recovery = createRecovery({ packets, sessions: createMemorySessions(), inFlightMs });
  packets.advance(nextPosition(packets));

  class MemoryAdapter extends Adapter {
    override broadcast(packet: OutgoingPacket, opts: BroadcastOptions): void {
      if (!isRecoverable(packet, opts.flags)) return deliver(this, packet, opts);
      const position = nextPosition(packets);
      const { rooms, except = new Set() } = opts;
      packets.advance(position, { data: packet.data, rooms, except, bytes: sizeOf(packet.data) });
      deliver(this, packet, { ...opts, position });
    }

    override persistSession: Adapter["persistSession"] = (session) => {
      packets.advance(nextPosition(packets));
      recovery.persist(session);
    };

    override restoreSession: Adapter["restoreSession"] = (pid, offset) =>
      recovery.restore(pid, offset) as ReturnType<Adapter["restoreSession"]>;
  }
  return { adapter: MemoryAdapter, recovery };
}

function nextPosition({ position }: PacketLog, now = Date.now()): Position {
  if (position === undefined) return `${now}-0`;
  const [time = 0, number = 0] = position.split("-").map(Number);
  return now > time ? `${now}-0` : `${time}-${number + 1}`;
}

function createMemorySessions(): SavedSessions {
  // in the order of their loss
  const saved = new Map<string, { session: SavedSession; lostAt: number }>();
  function trim(): void {
    const oldest = performance.now() - MAX_DISCONNECTION_MS;
    for (const [pid, { lostAt }] of saved) {
      if (lostAt >= oldest && saved.size <= MAX_SAVED) return;
      saved.delete(pid);
    }
  }
  return {
    save(session) {
      saved.set(session.pid, { session, lostAt: performance.now() });
      trim();
    },
    take(pid, missing) {
      trim();
      if (!saved.has(pid)) missing(pid);
      const found = saved.get(pid)?.session;
      saved.delete(pid);
      return Promise.resolve(found);
    },
  };
}

/** About how many bytes a value holds; what cannot be sent counts nothing. */
function sizeOf(value: unknown): number {
  if (typeof value === "string") return value.length;
  if (typeof value !== "object" || value === null) return 8;
  if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer) return value.byteLength;
  let size = 16;
  for (const [name, field] of Object.entries(value)) size += name.length + sizeOf(field);
  return size;
}
