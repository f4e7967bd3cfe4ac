/** The adapter of a process that stands alone: rooms in memory, and a bounded log so that a session can be recovered. */
import type { ServerOptions } from "socket.io";
import { Adapter, type BroadcastOptions } from "socket.io-adapter";
import { ProtocolError } from "../protocol/codes.ts";
import {
  deliver,
  type Delivery,
  framesOf,
  isRecoverable,
  type OutgoingPacket,
  withPosition,
} from "./delivery.ts";
import { createPacketLog, type PacketLog } from "./packet_log.ts";
import { isPosition, timeOf } from "./position.ts";
import {
  isFor,
  MAX_DISCONNECTION_MS,
  missedSince,
  type RecoverableSession,
  type Recovery,
  roomsOf,
  type Start,
} from "./recovery.ts";

/** What Socket.IO takes for an adapter. */
export type AdapterConstructor = NonNullable<ServerOptions["adapter"]>;

const MAX_SAVED = 10_000;

/** Makes the adapter and the recovery that go together; as for `inFlightMs`, see there. */
export function createMemoryAdapter(
  { inFlightMs }: { inFlightMs: number },
): { adapter: AdapterConstructor; recovery: Recovery } {
  const packets = createPacketLog({ keepMs: MAX_DISCONNECTION_MS + inFlightMs });
  const recovery = createMemoryRecovery(packets, inFlightMs);

  class MemoryAdapter extends Adapter {
    override broadcast(
      packet: OutgoingPacket,
      { rooms, except = new Set(), flags = {} }: BroadcastOptions,
    ): void {
      const frames = framesOf(packet);
      const delivery: Delivery = {
        frames,
        rooms: [...rooms],
        except: [...except],
        isVolatile: flags.volatile,
      };
      if (!isRecoverable(packet, flags)) return deliver(this, delivery);
      const position = packets.advance();
      packets.add({ frames, rooms: delivery.rooms, except: delivery.except, position });
      deliver(this, { ...delivery, position });
    }

    override persistSession: Adapter["persistSession"] = (session) =>
      recovery.persist(session as RecoverableSession);
  }
  return { adapter: MemoryAdapter, recovery };
}

function createMemoryRecovery(packets: PacketLog, inFlightMs: number): Recovery {
  // in the order of their loss
  const lost = new Map<string, { session: RecoverableSession; at: number }>();
  let wanted: (pid: string, start: Start | undefined) => void = () => {};

  function trim(): void {
    for (const [pid, { at }] of lost) {
      if (at >= timeOf(packets.position) - MAX_DISCONNECTION_MS && lost.size <= MAX_SAVED) return;
      lost.delete(pid);
    }
  }

  return {
    get position() {
      return packets.position;
    },
    describe: () => undefined,
    onSave() {},
    isLost: (pid) => lost.has(pid),
    persist(session) {
      if (session.data.start === undefined) return;
      lost.delete(session.pid);
      lost.set(session.pid, { session, at: timeOf(packets.advance()) });
      trim();
    },
    restore({ pid, offset, userId }) {
      if (!isPosition(offset)) return Promise.resolve(undefined);
      packets.advance();
      trim();
      if (!lost.has(pid)) wanted(pid, undefined);
      const found = lost.get(pid);
      if (found === undefined) return Promise.resolve(undefined);
      const { session, at } = found;
      if (session.data.userId !== userId) return Promise.reject(new ProtocolError("access/denied"));
      lost.delete(pid);
      const since = missedSince(session.data.start!, { offset, heardMs: at, inFlightMs });
      const start = { since, at: timeOf(packets.position), inboxes: [] };
      return Promise.resolve({
        ...session,
        data: { ...session.data, start },
        open(rooms) {
          const own = roomsOf(session, rooms);
          return packets.since(since)?.filter((packet) => isFor(packet, own)).map(({ frames, position }) =>
            withPosition(frames, position)
          );
        },
        end: () => void lost.set(pid, found),
      });
    },
    onWanted(listener) {
      wanted = listener;
    },
  };
}
