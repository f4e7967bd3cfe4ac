/**
 * The adapter of a fleet: the Streams adapter, which knows how nodes speak to each other, on the link, which brings
 * all of it in one order. Own events take their place in that order too, so that a position means the same everywhere.
 */
import { createAdapter } from "@socket.io/redis-streams-adapter";
import { Adapter, type BroadcastOptions, type ClusterMessage } from "socket.io-adapter";
import type { Log } from "../../supervise.ts";
import { isRecoverable, type OutgoingPacket } from "../recovery/memory_adapter.ts";
import type { PacketLog, Position } from "../recovery/packet_log.ts";
import type { Recovery } from "../recovery/recovery.ts";
import type { AdapterConstructor } from "../types.ts";
import type { Fields, Heard, Link } from "./link.ts";
import type { StreamClient } from "./stream_client.ts";

/** Options of {@linkcode createFleetAdapter}. */
export interface FleetAdapterOptions {
  link: Link;
  client: StreamClient;
  packets: PacketLog;
  recovery: Recovery;
  /** For what is not stored: requests to all nodes and their answers. */
  channelPrefix: string;
  /** A larger event is never published. */
  maxPayloadBytes: number;
  log: Log;
}

/** The adapter, and the way in for what the link hears. */
export interface FleetAdapter {
  adapter: AdapterConstructor;
  /** Takes what the link heard at `position`. */
  hear(position: Position, message: Heard | undefined): void;
}

interface Broadcast {
  packet: OutgoingPacket;
  opts: { rooms: string[]; except: string[]; flags?: BroadcastOptions["flags"] };
}

/** What is changed and called of the package's adapter. */
interface StreamsAdapter extends Adapter {
  readonly uid: string;
  encode(message: unknown): Record<string, string>;
  onRawMessage(fields: Fields, position: Position): void;
  onMessage(message: ClusterMessage, position?: Position): void;
}

const BROADCAST = 3;

/** Makes the adapter. */
export function createFleetAdapter(options: FleetAdapterOptions): FleetAdapter {
  const { link, client, packets, recovery, channelPrefix, maxPayloadBytes, log } = options;
  const create = createAdapter(client, { channelPrefix });
  const adapters = new Map<string, StreamsAdapter>();
  let heardBytes = 0, isPast = false;

  function keep(position: Position, { packet, opts }: Broadcast, bytes: number): void {
    const rooms = new Set(opts.rooms), except = new Set(opts.except);
    packets.advance(position, { data: packet.data, rooms, except, bytes });
  }

  function adapt(adapter: StreamsAdapter): StreamsAdapter {
    const deliver = (packet: OutgoingPacket, opts: BroadcastOptions): void =>
      Adapter.prototype.broadcast.call(adapter, packet, opts);

    adapter.broadcast = (packet: OutgoingPacket, opts: BroadcastOptions): void => {
      // a call waits for its answer on this node, so its socket is here
      if (opts.flags?.local || packet.id !== undefined) return deliver(packet, opts);
      const message: Broadcast = {
        packet,
        opts: { rooms: [...opts.rooms], except: [...opts.except ?? []], flags: opts.flags },
      };
      const { uid, nsp } = adapter;
      const fields = adapter.encode({ uid, nsp: nsp.name, type: BROADCAST, data: message });
      const bytes = fields.data!.length;
      if (bytes > maxPayloadBytes) {
        log.error("An event is too large to be published", { bytes, event: packet.data[0] });
        return;
      }
      const kept = isRecoverable(packet, opts);
      link.send(fields, {
        deliver(position) {
          if (kept && position !== undefined) {
            packet.data.push(position);
            keep(position, message, bytes);
          }
          deliver(packet, opts);
        },
        heardLate(position) {
          if (!kept) return;
          keep(position, { ...message, packet: { ...packet, data: [...packet.data, position] } }, bytes);
        },
      });
    };

    const onMessage = adapter.onMessage.bind(adapter);
    adapter.onMessage = (message, position) => {
      const isEvent = message.type === BROADCAST && position !== undefined;
      const { packet, opts } = (isEvent ? message.data : {}) as Broadcast;
      const kept = isEvent && isRecoverable(packet, { ...opts, rooms: new Set(), except: new Set() });
      if (!isPast) onMessage(message, position);
      else if (kept) packet.data.push(position);
      if (kept) keep(position, { packet, opts }, heardBytes);
    };

    adapter.persistSession = recovery.persist;
    adapter.restoreSession = recovery.restore as Adapter["restoreSession"];
    return adapter;
  }

  function FleetAdapter(nsp: { name: string }): StreamsAdapter {
    const adapter = adapt(create(nsp) as unknown as StreamsAdapter);
    adapters.set(nsp.name, adapter);
    return adapter;
  }

  return {
    // called with `new`, which takes the object that it returns
    adapter: FleetAdapter as unknown as AdapterConstructor,
    hear(position, message) {
      if (message !== undefined) {
        heardBytes = message.fields.data?.length ?? 0;
        isPast = message.past;
        adapters.get(message.fields.nsp ?? "")?.onRawMessage(message.fields, position);
      }
      packets.advance(position);
    },
  };
}
