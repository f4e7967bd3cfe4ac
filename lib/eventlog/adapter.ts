/**
 * The adapter of a fleet: the Streams adapter, which knows how nodes speak to each other, on the link, which brings
 * all of it in one order. Own events take their place in that order too, so that a position means the same everywhere.
 */
import { createAdapter } from "@socket.io/redis-streams-adapter";
import type { Adapter, BroadcastOptions, ClusterMessage } from "socket.io-adapter";
import type { Log } from "../supervise.ts";
import { deliver, isRecoverable, type OutgoingPacket } from "./delivery.ts";
import type { PacketLog, Position } from "./packet_log.ts";
import type { Recovery } from "./recovery.ts";
import type { AdapterConstructor } from "./adapter_constructor.ts";
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
  // what is heard between the beginning of the link and that of the server
  const early: Parameters<FleetAdapter["hear"]>[] = [];
  let heardBytes = 0, isPast = false;

  /** Keeps an event that happened at `position` for those who miss it; whether it is one to keep. */
  function keep(position: Position, { packet, opts }: Broadcast, bytes: number): boolean {
    const kept = isRecoverable(packet, opts.flags);
    const rooms = new Set(opts.rooms), except = new Set(opts.except);
    packets.advance(position, kept ? { data: packet.data, rooms, except, bytes } : undefined);
    return kept;
  }

  function adapt(adapter: StreamsAdapter): StreamsAdapter {
    function deliverAt(position: Position, message: Broadcast, bytes: number): void {
      const { packet, opts: { rooms, except, flags = {} } } = message;
      const kept = keep(position, message, bytes);
      deliver(adapter, packet, {
        ...{ rooms: new Set(rooms), except: new Set(except), flags },
        position: kept ? position : undefined,
      });
    }

    adapter.broadcast = (packet: OutgoingPacket, opts: BroadcastOptions): void => {
      // a call waits for its answer on this node, so its socket is here
      if (opts.flags?.local || packet.id !== undefined) return deliver(adapter, packet, opts);
      const { rooms, except = [], flags } = opts;
      const message: Broadcast = { packet, opts: { rooms: [...rooms], except: [...except], flags } };
      const { uid, nsp } = adapter;
      const fields = adapter.encode({ uid, nsp: nsp.name, type: BROADCAST, data: message });
      const bytes = fields.data!.length;
      if (bytes > maxPayloadBytes) {
        log.error("An event is too large to be published", { bytes, event: packet.data[0] });
        return;
      }
      link.send(fields, {
        deliver(position) {
          if (position === undefined) deliver(adapter, packet, opts);
          else deliverAt(position, message, bytes);
        },
        heardLate: (position) => void keep(position, message, bytes),
      });
    };

    const onMessage = adapter.onMessage.bind(adapter);
    adapter.onMessage = (message, position) => {
      // what comes without a position is a question to all nodes
      if (message.type !== BROADCAST || position === undefined) {
        if (!isPast) onMessage(message, position);
      } else if (isPast) keep(position, message.data as Broadcast, heardBytes);
      else deliverAt(position, message.data as Broadcast, heardBytes);
    };

    adapter.persistSession = recovery.persist;
    adapter.restoreSession = recovery.restore as Adapter["restoreSession"];
    return adapter;
  }

  function FleetAdapter(nsp: { name: string }): StreamsAdapter {
    const adapter = adapt(create(nsp) as unknown as StreamsAdapter);
    adapters.set(nsp.name, adapter);
    for (const [position, message] of early.splice(0)) hear(position, message);
    return adapter;
  }

  function hear(position: Position, message: Heard | undefined): void {
    if (adapters.size === 0) return void early.push([position, message]);
    if (message !== undefined) {
      heardBytes = message.fields.data?.length ?? 0;
      isPast = message.past;
      adapters.get(message.fields.nsp ?? "")?.onRawMessage(message.fields, position);
    }
    packets.advance(position);
  }

  // called with `new`, which takes the object that it returns
  return { adapter: FleetAdapter as unknown as AdapterConstructor, hear };
}
