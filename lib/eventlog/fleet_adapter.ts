/**
 * Socket.IO's adapter of a node of a fleet. An event goes to the nodes that hold a member of its rooms, this one
 * included, and is delivered here when it is read back. What has to be asked of all nodes is `ClusterAdapter`'s.
 */
import process from "node:process";
import { type BroadcastOptions, ClusterAdapter, type ClusterMessage } from "socket.io-adapter";
import type { Log } from "../log.ts";
import { deliver, type Delivery, framesOf, isRecoverable } from "./delivery.ts";
import { type OutgoingPacket, WITHOUT_POSITIONS } from "./delivery.ts";
import { eventHeader, type Fields, numberOf, readEntry, senderOf } from "./entry.ts";
import type { FleetBus } from "./fleet_bus.ts";
import type { AdapterConstructor } from "./memory_adapter.ts";
import type { Outgoing } from "./outbox.ts";
import type { Position } from "./position.ts";
import type { RecoverableSession, Recovery, RecoveryData } from "./recovery.ts";
import type { Routes } from "./routes.ts";

/** Options of {@linkcode createFleetAdapter}. */
interface FleetAdapterOptions {
  nodeId: string;
  send: (item: Outgoing) => void;
  routes: Routes;
  bus: FleetBus;
  recovery: Pick<Recovery, "persist"> & { changed(session: RecoverableSession): void };
  /** A place as clients get it; without one, where this node is. */
  positionOf: (place?: Position) => Position | undefined;
  /** How many other nodes there are. */
  others: () => number;
  /** A larger event is never sent. */
  maxPayloadBytes: number;
  log: Log;
}

/** Another node's events that a session got before they had a place: all up to a number. */
type Got = { node: string; number: number };

/** A session that was taken up and is not open yet: its events are collected. */
interface Hold {
  /** What was collected; nothing when it was too much. From here on the session gets its events. */
  release(): Delivery[] | undefined;
  /** The session is not to be. */
  end(): void;
}

/** The adapter, for the others of this folder. */
export interface FleetAdapter {
  /** The rooms that have a member here. */
  readonly rooms: ReadonlyMap<string, unknown>;
  /** Takes an entry of another node. */
  read(entry: Position, fields: Fields): void;
  /** Puts a session into its rooms. */
  hold(session: RecoverableSession, got: Got | undefined): Hold;
  tick(): void;
}

/** What is used of a socket of Socket.IO. */
type Socket = Pick<RecoverableSession, "pid" | "data"> & { rooms: Set<string> };

const TOPIC = "socket.io";
const MAX_HELD = 10_000;
// by then a node has sent what it could not send before
const GOT_MS = 60_000;
const DONE = Promise.resolve();

/** Makes the adapter's class; `created` gets the one of the main namespace, and there is no other. */
export function createFleetAdapter(
  options: FleetAdapterOptions,
  created: (adapter: FleetAdapter) => void,
): AdapterConstructor {
  const { nodeId, send, routes, bus, recovery, positionOf, others, maxPayloadBytes, log } = options;

  class NodeAdapter extends ClusterAdapter implements FleetAdapter {
    // what it asks is answered to this node
    override readonly uid = nodeId;
    readonly #holds = new Map<string, { data: RecoveryData; events: Delivery[] | undefined }>();
    readonly #got = new Map<string, Got & { until: number }>();
    readonly #changed = new Set<string>();

    constructor(nsp: { name: string }) {
      super(nsp);
      if (nsp.name !== "/") throw new RangeError(`Cannot open ${nsp.name}: a fleet has one namespace`);
      this.on("delete-room", (room: string) => routes.leave(room));
      bus.on(TOPIC, (message) => this.onMessage(message as ClusterMessage));
      created(this);
    }

    /** Resolves when the fleet knows that this node has a member of the rooms. */
    override addAll(id: string, rooms: Set<string>): Promise<void> | undefined {
      const own = this.sids.get(id);
      const added = [...rooms].filter((room) => !own?.has(room) && room !== id && room !== WITHOUT_POSITIONS);
      super.addAll(id, rooms);
      if (added.length === 0) return undefined;
      const data = (this.#socket(id) ?? this.#holds.get(id))?.data;
      if (data?.start !== undefined) {
        this.#change(id);
        const position = positionOf()!;
        data.joined = { ...data.joined, ...Object.fromEntries(added.map((room) => [room, position])) };
      }
      return routes.hold(added);
    }

    override del(id: string, room: string): void {
      super.del(id, room);
      this.#change(id);
    }

    /** A node that dies now is not to take the change with it. */
    #change(id: string): void {
      if (this.#changed.size === 0) process.nextTick(() => this.#save());
      this.#changed.add(id);
    }

    #save(): void {
      for (const sid of this.#changed) {
        const socket = this.#socket(sid);
        if (socket?.data.start === undefined) continue;
        recovery.changed({ sid, pid: socket.pid, rooms: [...socket.rooms], data: socket.data });
      }
      this.#changed.clear();
    }

    #socket(id: string): Socket | undefined {
      return this.nsp.sockets.get(id) as unknown as Socket | undefined;
    }

    override broadcast(
      packet: OutgoingPacket,
      { rooms, except = new Set(), flags = {} }: BroadcastOptions,
    ): Promise<void> {
      const frames = framesOf(packet);
      const delivery = { frames, rooms: [...rooms], except: [...except], isVolatile: flags.volatile };
      // a call waits for its answer on this node, so its socket is here
      if (flags.local || packet.id !== undefined) this.#deliver(delivery);
      else if (frames[0].length > maxPayloadBytes) {
        log.error("An event is too large to be sent", { bytes: frames[0].length, event: packet.data[0] });
      } else this.#send(delivery, isRecoverable(packet, flags));
      return DONE;
    }

    #send(delivery: Delivery, isRecoverable: boolean): void {
      const { frames: [text], rooms } = delivery;
      const isOwn = rooms.length === 0 || rooms.some((room) => this.rooms.has(room) || routes.has(room));
      send({
        rooms,
        header: eventHeader({ ...delivery, isRecoverable }),
        text,
        ...(isRecoverable && { missedBy: rooms }),
        ...(isOwn && {
          deliver: (place) =>
            this.#deliver({ ...delivery, position: isRecoverable ? positionOf(place) : undefined }),
        }),
      });
    }

    #deliver(delivery: Delivery): void {
      deliver(this, delivery, this.#holds.size > 0 ? this.#hold : undefined);
    }

    readonly #hold = (sid: string, delivery: Delivery): void => {
      const hold = this.#holds.get(sid);
      if (hold?.events === undefined || delivery.position === undefined) return;
      if (hold.events.push(delivery) > MAX_HELD) hold.events = undefined;
    };

    read(entry: Position, fields: Fields): void {
      const sender = senderOf(fields), first = numberOf(fields);
      readEntry(fields, {
        event: ({ isRecoverable, ...delivery }, index) => {
          const position = isRecoverable ? positionOf(`${entry}.${index}`) : undefined;
          const got = this.#got.size > 0 ? this.#whoGot(sender, first + index) : [];
          this.#deliver({ ...delivery, except: [...delivery.except, ...got], position });
        },
        message: bus.read,
      });
    }

    #whoGot(sender: string, sent: number): string[] {
      const got = [...this.#got].filter(([, { node, number }]) => node === sender && sent <= number);
      return got.map(([sid]) => sid);
    }

    hold({ sid, rooms, data }: RecoverableSession, got: Got | undefined): Hold {
      const hold = { data, events: [] };
      this.#holds.set(sid, hold);
      if (got !== undefined) this.#got.set(sid, { ...got, until: performance.now() + GOT_MS });
      super.addAll(sid, new Set(rooms));
      return {
        release: () => {
          this.#holds.delete(sid);
          // what it joined or left before it was open
          this.#change(sid);
          return hold.events;
        },
        end: () => {
          this.#holds.delete(sid);
          this.delAll(sid);
        },
      };
    }

    tick(): void {
      for (const [sid, { until }] of this.#got) if (until < performance.now()) this.#got.delete(sid);
    }

    override persistSession(session: Parameters<ClusterAdapter["persistSession"]>[0]): void {
      recovery.persist(session as RecoverableSession);
    }

    override serverCount(): Promise<number> {
      return Promise.resolve(1 + others());
    }

    protected override doPublish(message: ClusterMessage): Promise<string> {
      bus.publish(TOPIC, message);
      return Promise.resolve("");
    }

    protected override doPublishResponse(node: string, response: object): Promise<void> {
      bus.publish(TOPIC, response, { node });
      return DONE;
    }
  }
  return NodeAdapter;
}
