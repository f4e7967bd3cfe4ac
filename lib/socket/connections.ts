/**
 * The sessions of this node: how a connection that was let in becomes one, and what ends with it. Whatever is kept a
 * session is begun and ended here and nowhere else.
 */
import type { Identity } from "../auth/claims.ts";
import { type Recovery, type Restored, startAt } from "../eventlog/recovery.ts";
import { takesPositions, WITHOUT_POSITIONS } from "../eventlog/delivery.ts";
import type { Log } from "../log.ts";
import type { Metrics } from "../metrics.ts";
import { PROTOCOL_VERSION } from "../protocol/events.ts";
import { type NodeId, type SessionId, sessionId } from "../protocol/ids.ts";
import { userRoom } from "../protocol/rooms.ts";
import { type SessionRecord, sessionRecord, type SessionTransport } from "../roster/record.ts";
import type { OpenOptions, Roster } from "../roster/roster.ts";
import type { Dispatch } from "./dispatch.ts";
import { takeEvents } from "./event_reader.ts";
import type { Membership } from "./membership.ts";
import type { createOversized } from "./oversized.ts";
import type { Outbound } from "./outbound.ts";
import type { PresenceWatch } from "./presence_watch.ts";
import { createRateLimit } from "./rate_limit.ts";
import { type EndOptions, endSession } from "./session_end.ts";
import { privateIdOf, sessionOf, type Takeover, takeUp } from "./takeover.ts";
import type { TokenWatch } from "./token_watch.ts";
import { emitLocal, type LiveSession, type TetherSocket } from "./types.ts";

/** What takes part in a session's life. */
interface ConnectionsOptions {
  nodeId: NodeId;
  /** The sessions of this node; only this file changes it. */
  live: Map<string, LiveSession>;
  roster: Roster;
  tokenWatch: TokenWatch;
  takeover: Takeover;
  recovery: Recovery;
  membership: Membership;
  presenceWatch: PresenceWatch;
  outbound: Outbound;
  dispatch: Dispatch;
  oversized: ReturnType<typeof createOversized>;
  /** Sends `session:ready`, and to a session that was taken up what it missed. */
  welcome: (session: LiveSession, restored: Restored | undefined) => void;
  /** Has the fleet know of rooms that will have a member here. */
  prepare: (rooms: readonly string[]) => Promise<void> | undefined;
  /** The most sessions of a user over the fleet. */
  sessionsPerUser: number;
  /** `EVENTS_PER_SECOND`. */
  eventsPerSecond: number;
  /** Whether sessions are logged as they begin and end. */
  isLogged: boolean;
  log: Log;
  metrics: Metrics;
}

/** The doors of a session. */
interface Connections {
  /** Takes up the session that a connection asks for, or begins one, and records it; throws when it may not be. */
  admit(socket: TetherSocket, identity: Identity): Promise<void>;
  /** Undoes that for a connection that was gone before it became a session. */
  release(socket: TetherSocket): void;
  /** A connection that was admitted is complete. */
  open(socket: TetherSocket): void;
  /** Ends a session of this node in words. `false`: it is not here. */
  end(sid: SessionId, how: EndOptions): boolean;
}

/** The sessions of one node. */
export function createConnections(options: ConnectionsOptions): Connections {
  const { nodeId, live, roster, tokenWatch, takeover, recovery, membership, presenceWatch } = options;
  const { oversized, outbound, dispatch, welcome, prepare } = options;
  const { sessionsPerUser, eventsPerSecond, isLogged, log, metrics } = options;
  const taken = new Map<TetherSocket, Restored>();

  function recordOf(socket: TetherSocket, { user, expiresAt }: Identity): SessionRecord {
    const { address, headers } = socket.handshake;
    const now = Date.now();
    // later than it had it before, whatever that node's clock said
    const connectedAt = socket.data.connectedAt = Math.max(now, (socket.data.connectedAt ?? 0) + 1);
    return sessionRecord({
      sid: sessionId(socket.id),
      user,
      nodeId,
      connectedAt,
      lastSeenAt: now,
      expiresAt,
      address,
      transport: socket.conn.transport.name as SessionTransport,
      userAgent: headers["user-agent"] ?? "",
    });
  }

  /** With what a session can be taken up after this node's death. */
  function keep(socket: TetherSocket, { user }: Identity): Pick<OpenOptions, "saved"> {
    const { data, handshake } = socket;
    data.userId = user.id;
    const { position } = recovery;
    if (position !== undefined && takesPositions(handshake)) data.start ??= startAt(position);
    const session = sessionOf(socket);
    const value = recovery.describe({
      ...session,
      rooms: [...socket.rooms.union(new Set([userRoom(user.id)]))],
    });
    return value === undefined ? {} : { saved: { pid: session.pid, value } };
  }

  async function restore(socket: TetherSocket, { user }: Identity): Promise<void> {
    const { pid, offset } = socket.handshake.auth;
    if (typeof pid !== "string" || typeof offset !== "string") return;
    const restored = await recovery.restore({ pid, offset, userId: user.id });
    if (restored === undefined) return;
    taken.set(socket, restored);
    takeUp(socket, restored);
  }

  function release(socket: TetherSocket): void {
    tokenWatch.take(socket);
    roster.close(sessionId(socket.id));
    taken.get(socket)?.end();
    taken.delete(socket);
  }

  // one function for all sockets: Socket.IO calls it with the socket as `this`
  function onDisconnect(this: TetherSocket, reason: string): void {
    const sid = sessionId(this.id);
    if (!live.delete(sid)) return;
    takeover.delete(this);
    tokenWatch.end(sid);
    roster.close(sid, { forget: !recovery.isLost(privateIdOf(this)) });
    presenceWatch.end(sid);
    outbound.end(sid);
    metrics.endedSessions.inc({ reason });
    // a connection without a session would answer to no token and count for no user
    if (reason === "client namespace disconnect") this.conn.close();
    if (isLogged) log.info("A session ended", { sid, reason });
  }

  recovery.onSave((sid, value) => roster.save(sessionId(sid), value, { now: true }));

  return {
    async admit(socket, identity) {
      try {
        await tokenWatch.admit(socket, identity);
        await restore(socket, identity);
        await Promise.all([
          roster.open(recordOf(socket, identity), { maxOfUser: sessionsPerUser, ...keep(socket, identity) }),
          prepare([userRoom(identity.user.id)]),
        ]);
        // what happened meanwhile in a channel that its user has left is not for it
        if (socket.recovered) await membership.joinChannels({ socket, identity });
      } catch (error) {
        release(socket);
        throw error;
      }
    },
    release,
    open(socket) {
      const sid = sessionId(socket.id);
      const identity = tokenWatch.take(socket);
      if (identity === undefined) {
        release(socket);
        return endSession(socket, { code: "session/revoked" });
      }
      const { user } = identity;
      const limiter = createRateLimit({ perSecond: eventsPerSecond });
      const isStock = socket.handshake.auth.protocol !== PROTOCOL_VERSION;
      const session: LiveSession = { sid, socket, identity, limiter, isStock };
      live.set(sid, session);
      takeover.add(socket);
      socket.join(userRoom(user.id));
      if (!takesPositions(socket.handshake)) socket.join(WITHOUT_POSITIONS);
      const restored = taken.get(socket);
      welcome(session, restored);
      taken.delete(socket);
      // later only changes are told
      const models = [...roster.models()];
      if (models.length > 0) emitLocal(socket, "usage", { models });
      takeEvents(session, dispatch);
      socket.conn.once("upgrade", () => roster.update(sid, { transport: "websocket" }));
      socket.conn.on("slow", () => endSession(socket, { code: "session/slow" }));
      socket.conn.on("oversized", (head: string) => oversized(socket, head));
      socket.on("disconnect", onDisconnect);
      tokenWatch.begin(session);
      if (restored !== undefined) void presenceWatch.resume(session, restored.rooms);
      forgetHandshake(socket);
      if (isLogged) log.info("A session began", { sid, userId: user.id });
    },
    end(sid, how) {
      const session = live.get(sid);
      if (session !== undefined) endSession(session.socket, how);
      return session !== undefined;
    },
  };
}

const NOTHING = Object.freeze({});

/** Lets go of what is read once: a browser's headers and token are over a KiB of every idle session's memory. */
function forgetHandshake({ handshake, conn }: TetherSocket): void {
  Object.assign(handshake, { headers: NOTHING, query: NOTHING, auth: NOTHING, url: "", time: "" });
  Object.assign(conn.request, { headers: NOTHING, query: NOTHING, _query: NOTHING, url: "" });
}
