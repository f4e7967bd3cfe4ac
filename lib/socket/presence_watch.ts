/**
 * `presence:list`, and who hears of what changes after it (contract §4, §5): brings together the sessions that ask, the
 * changes that this node or another announces, and the feeds that tell of them.
 */
import { LRUCache } from "lru-cache";
import type { ChannelService } from "../channel/service.ts";
import type { NodeBus } from "../eventlog/node_bus.ts";
import { ProtocolError } from "../protocol/codes.ts";
import type { Presence } from "../protocol/events.ts";
import type { SessionId, UserId } from "../protocol/ids.ts";
import { WATCHERS_ROOM } from "../protocol/rooms.ts";
import type { Roster } from "../roster/roster.ts";
import { MAX_LISTED } from "../roster/store.ts";
import { delay } from "../supervise.ts";
import { MAX_WATCHED, PresenceFeed, type Watcher } from "./presence_feed.ts";
import { listPresence, type PresenceList, type PresenceQuery } from "./presence_view.ts";
import {
  emitLocal,
  type EventHandlers,
  type LiveSession,
  type SavedWatch,
  type TetherSocket,
} from "./types.ts";

interface PresenceWatchOptions {
  roster: Roster;
  channels: ChannelService;
  bus: NodeBus;
  /** Gets what went wrong and will be tried again. */
  onError: (error: unknown) => void;
}

/** The watchers of a node. */
export interface PresenceWatch {
  readonly handlers: EventHandlers;
  /**
   * A session that was taken up, and was in `rooms`, watches again what it watched, and is told how all of it is now.
   * Where that died with its node, it is told that something may be missing.
   */
  resume(session: LiveSession, rooms: readonly string[]): Promise<void>;
  end(sid: SessionId): void;
  /** These users, or all, may have left a channel: what they see, and who sees them, is checked. */
  check(userIds: readonly UserId[] | null): void;
  close(): void;
}

/** What a node tells the others. */
interface Announcement {
  /** Of the roster's store. */
  step: number;
  changes: readonly Presence[];
}

const TOPIC = "presence:changes";
// so that a message between nodes stays small
const MAX_PUBLISHED = 1_000;
const MAX_TOLD = 1_000;
/** A client that takes one event a user gets so many of them at most in each tenth of a second. */
const MAX_TOLD_SINGLY = 100;
const RETRY_MS = 1_000;
// how late another node may tell of a change
const LATE_MS = 10_000, MAX_STEPS = 10_000;

export function createPresenceWatch(
  { roster, channels, bus, onError }: PresenceWatchOptions,
): PresenceWatch {
  const visible = channels.visibleTo.bind(channels);
  const batched = new PresenceFeed({ encode, frames: oneFrame, maxTold: MAX_TOLD, visible, onError });
  const single = new PresenceFeed({
    encode,
    frames: oneFrameEach,
    maxTold: MAX_TOLD_SINGLY,
    visible,
    onError,
  });
  const watching = new Map<string, { feed: PresenceFeed; watcher: Watcher }>();
  /** What has changed since each of the lists that are being read was asked for. */
  const reading = new Set<Map<UserId, Presence>>();
  /** The steps that changed users last: what other nodes tell of an earlier one is no longer so. */
  const steps = new LRUCache<UserId, number>({ max: MAX_STEPS, ttl: LATE_MS });
  const closing = new AbortController();

  function hear({ step, changes: all }: Announcement): void {
    const changes = all.filter(({ id }) => {
      const isLate = step < (steps.get(id) ?? 0);
      if (!isLate) steps.set(id, step);
      return !isLate;
    });
    for (const meanwhile of reading) for (const change of changes) meanwhile.set(change.id, change);
    batched.change(changes);
    single.change(changes);
  }

  bus.on(TOPIC, (message) => {
    const announcement = message as Announcement;
    // another version's is not understood
    if (Array.isArray(announcement?.changes)) hear(announcement);
  });
  const off = roster.onChange((changes, step) => {
    hear({ step, changes });
    for (let start = 0; start < changes.length; start += MAX_PUBLISHED) {
      const some: Announcement = { step, changes: changes.slice(start, start + MAX_PUBLISHED) };
      bus.publish(TOPIC, some, { rooms: [WATCHERS_ROOM] });
    }
  });

  function watcherOf(
    { sid, socket, identity, isStock }: LiveSession,
  ): { feed: PresenceFeed; watcher: Watcher } {
    let found = watching.get(sid);
    if (found !== undefined) return found;
    const watcher: Watcher = { userId: identity.user.id, conn: socket.conn, asked: [] };
    watching.set(sid, found = { feed: isStock ? single : batched, watcher });
    socket.on("disconnecting", keep);
    return found;
  }

  // one function for all sockets: Socket.IO calls it with the socket as `this`
  function keep(this: TetherSocket): void {
    const found = watching.get(this.id);
    // what it had before is there until all of it is watched again
    if (found !== undefined) this.data.watching ??= saved(found.watcher);
  }

  /** Reads a list, and watches it by `begin` from the state in which the client is told of it. */
  async function follow(
    session: LiveSession,
    query: PresenceQuery,
    begin: (feed: PresenceFeed, watcher: Watcher, users: Presence[]) => void,
  ): Promise<PresenceList> {
    // so that other nodes tell this one
    if (session.socket.connected) await session.socket.join(WATCHERS_ROOM);
    const meanwhile = new Map<UserId, Presence>();
    reading.add(meanwhile);
    try {
      const list = await listPresence(session.identity.user.id, query, { roster, channels });
      if (!session.socket.connected) return list;
      const { feed, watcher } = watcherOf(session);
      begin(feed, watcher, list.users);
      feed.change([...meanwhile.values()]);
      return list;
    } finally {
      reading.delete(meanwhile);
    }
  }

  async function followAgain(session: LiveSession, { asked, page }: SavedWatch): Promise<void> {
    for (let start = 0; start < asked.length; start += MAX_LISTED) {
      await follow(
        session,
        { userIds: asked.slice(start, start + MAX_LISTED) },
        (feed, watcher, users) => feed.watch(watcher, users, { tell: true }),
      );
    }
    // a client that asked for a page since has another one
    if (page === undefined || watching.get(session.sid)?.watcher.page !== undefined) return;
    const { places, userIds } = page;
    const goOn: Parameters<typeof follow>[2] = (feed, watcher, users) =>
      feed.watchPage(watcher, users, { places, tell: true });
    await follow(session, { userIds }, goOn);
    // who came meanwhile was active lately
    await follow(
      session,
      { limit: places },
      (feed, watcher, users) => goOn(feed, watcher, users.filter(({ status }) => status !== "offline")),
    );
  }

  return {
    handlers: {
      "presence:list": (session, query) =>
        follow(session, query, (feed, watcher, users) => {
          if (!feed.hasRoom(watcher, users)) {
            throw new ProtocolError("request/invalid", `A session can watch ${MAX_WATCHED} users.`);
          }
          if (query.userIds !== undefined || query.after !== undefined) feed.watch(watcher, users);
          else feed.watchPage(watcher, users, { places: query.limit });
        }),
    },
    async resume(session, rooms) {
      const { watching: before } = session.socket.data;
      if (before === undefined && rooms.includes(WATCHERS_ROOM)) {
        for (const degraded of [true, false]) emitLocal(session.socket, "session:degraded", { degraded });
      }
      while (before !== undefined && session.socket.connected) {
        try {
          await followAgain(session, before);
          return void delete session.socket.data.watching;
        } catch (error) {
          onError(error);
          await delay(RETRY_MS, closing.signal);
        }
      }
    },
    end(sid) {
      const found = watching.get(sid);
      found?.feed.end(found.watcher);
      watching.delete(sid);
    },
    check(userIds) {
      batched.check(userIds);
      single.check(userIds);
    },
    close() {
      off();
      closing.abort();
      batched.close();
      single.close();
    },
  };
}

function saved({ asked, page }: Watcher): SavedWatch {
  const idsOf = (subjects: Watcher["asked"]): UserId[] => subjects.map(({ presence }) => presence.id);
  return {
    asked: idsOf(asked),
    ...(page && { page: { places: page.places, userIds: idsOf([...page.users]) } }),
  };
}

function encode({ id, name, status, lastActiveAt }: Presence): string {
  return JSON.stringify({ id, name, status, lastActiveAt });
}

// 2 begins an event of Socket.IO
function oneFrame(changes: readonly string[]): string[] {
  return [`2["presence:changes",{"users":[${changes.join()}]}]`];
}

function oneFrameEach(changes: readonly string[]): string[] {
  return changes.map((change) => `2["presence:change",${change}]`);
}
