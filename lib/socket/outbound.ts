/** What a back end sends into open pages: events to users, channels and sessions (contract §6). */
import { ProtocolError } from "../protocol/codes.ts";
import type { ChatEvent } from "../protocol/events.ts";
import type { Bodies } from "../protocol/payloads.ts";
import { channelRoom, userRoom } from "../protocol/rooms.ts";
import type { Roster } from "../roster/roster.ts";
import type { NodeBus } from "../eventlog/node_bus.ts";
import { type Calls, type CallsOptions, createCalls } from "./calls.ts";
import type { TetherServer } from "./types.ts";

const COUNT = "count", COUNTED_WITHIN_MS = 1_000;
const NOBODY = { answers: [] as unknown[] };

/** Whom an event is for: exactly one of the three. */
type Recipients = Bodies["POST /api/events"]["to"];

/** Sends into open pages. Both ways refuse with `request/too-large` what no connection would take. */
export interface Outbound extends Calls {
  /** Emits `events`; answers how many sessions of the fleet it was addressed to. */
  emit(to: Recipients, event: ChatEvent): Promise<number>;
}

interface OutboundOptions extends CallsOptions {
  io: TetherServer;
  bus: NodeBus;
  roster: Roster;
  /** Events that no connection would take are never sent, or published. */
  maxPayloadBytes: number;
}

export function createOutbound(options: OutboundOptions): Outbound {
  const { io, bus, live, roster, maxPayloadBytes } = options;
  const calls = createCalls(options);

  function requireSize(event: ChatEvent): void {
    if (new TextEncoder().encode(JSON.stringify(event)).length > maxPayloadBytes) {
      throw new ProtocolError("request/too-large", `An event may have ${maxPayloadBytes} bytes.`);
    }
  }

  function countHere(room: unknown): number {
    return io.of("/").adapter.rooms.get(String(room))?.size ?? 0;
  }
  bus.onAsk(COUNT, countHere);

  async function countIn(room: string): Promise<number> {
    // without Redis a node still reaches those it holds
    const { answers } = await bus.ask({ room }, COUNT, room, { timeoutMs: COUNTED_WITHIN_MS }).catch(() =>
      NOBODY
    );
    return answers.reduce<number>((sum, count) => sum + Number(count), countHere(room));
  }

  async function countOfUsers({ userIds = [] }: Recipients): Promise<number> {
    // without its store a node still reaches those it holds
    const counts = await Promise.all(
      userIds.map((id) => roster.countOfUser(id).catch(() => countHere(userRoom(id)))),
    );
    return counts.reduce((sum, count) => sum + count, 0);
  }

  return {
    async emit(to, event) {
      requireSize(event);
      const { userIds, channelId, sessionId } = to;
      let rooms: string | string[], count: number, isKnown = true;
      if (userIds !== undefined) {
        rooms = userIds.map(userRoom);
        count = await countOfUsers(to);
      } else if (channelId !== undefined) {
        rooms = channelRoom(channelId);
        count = await countIn(rooms);
      } else {
        // only the id of a session is sent to: whatever else it says, it names no room
        rooms = sessionId!;
        count = live.has(rooms) || await roster.get(sessionId!) !== undefined ? 1 : 0;
        isKnown = count > 0;
      }
      // also where nobody is: who comes back within two minutes gets it
      if (isKnown) io.to(rooms).emit("events", event);
      return count;
    },
    async call(sid, event, how) {
      requireSize(event);
      return await calls.call(sid, event, how);
    },
    end: calls.end,
  };
}
