/**
 * The sessions of this node: how a connection that was let in becomes one, and what ends with it. Whatever is kept a
 * session is begun and ended here and nowhere else.
 */
import type { Identity } from "../auth/claims.ts";
import type { Recovery } from "../eventlog/recovery.ts";
import { takesPositions, WITHOUT_POSITIONS } from "../eventlog/delivery.ts";
import type { Log } from "../log.ts";
import type { Metrics } from "../metrics.ts";
import { type NodeId, type SessionId, sessionId } from "../protocol/ids.ts";
import { userRoom } from "../protocol/rooms.ts";
import { type SessionRecord, sessionRecord, type SessionTransport } from "../roster/record.ts";
import type { Roster } from "../roster/roster.ts";
import type { Dispatch } from "./dispatch.ts";
import { takeEvents } from "./event_reader.ts";
import type { Membership } from "./membership.ts";
import type { Outbound } from "./outbound.ts";
import { createRateLimit } from "./rate_limit.ts";
import { type EndOptions, endSession } from "./session_end.ts";
import { sessionOf, type Takeover } from "./takeover.ts";
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
  outbound: Outbound;
  dispatch: Dispatch;
  /** Sends `session:ready`. */
  welcome: (session: LiveSession) => void;
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
  /** Records the session of a connection; throws when it may not be one. */
  admit(socket: TetherSocket, identity: Identity): Promise<void>;
  /** Undoes that for a connection that was gone before it became a session. */
  release(socket: TetherSocket): void;
  /** Keeps what a recovered session was given: its client may come back with a better token, or at a better time. */
  refused(socket: TetherSocket): void;
  /** A connection that was admitted is complete. */
  open(socket: TetherSocket): void;
  /** Ends a session of this node in words. `false`: it is not here. */
  end(sid: SessionId, how: EndOptions): boolean;
}

/** The sessions of one node. */
export function createConnections(options: ConnectionsOptions): Connections {
  const { nodeId, live, roster, tokenWatch, takeover, recovery, membership } = options;
  const { outbound, dispatch, welcome, sessionsPerUser, eventsPerSecond, isLogged, log, metrics } = options;

  function recordOf(socket: TetherSocket, { user, expiresAt }: Identity): SessionRecord {
    const { address, headers } = socket.handshake;
    const now = Date.now();
    return sessionRecord({
      sid: sessionId(socket.id),
      user,
      nodeId,
      connectedAt: now,
      lastSeenAt: now,
      expiresAt,
      address,
      transport: socket.conn.transport.name as SessionTransport,
      userAgent: headers["user-agent"] ?? "",
    });
  }

  function release(socket: TetherSocket): void {
    tokenWatch.take(socket);
    roster.close(sessionId(socket.id));
  }

  // one function for all sockets: Socket.IO calls it with the socket as `this`
  function onDisconnect(this: TetherSocket, reason: string): void {
    const sid = sessionId(this.id);
    if (!live.delete(sid)) return;
    takeover.delete(this);
    tokenWatch.end(sid);
    roster.close(sid);
    outbound.end(sid);
    metrics.endedSessions.inc({ reason });
    // a connection without a session would answer to no token and count for no user
    if (reason === "client namespace disconnect") this.conn.close();
    if (isLogged) log.info("A session ended", { sid, reason });
  }

  return {
    async admit(socket, identity) {
      try {
        await tokenWatch.admit(socket, identity);
        await roster.open(recordOf(socket, identity), { maxOfUser: sessionsPerUser });
        // what happened meanwhile in a channel that its user has left is not for it
        if (socket.recovered) await membership.joinChannels({ socket, identity });
      } catch (error) {
        release(socket);
        throw error;
      }
    },
    release,
    refused(socket) {
      if (socket.recovered) recovery.persist(sessionOf(socket));
    },
    open(socket) {
      const sid = sessionId(socket.id);
      const identity = tokenWatch.take(socket);
      if (identity === undefined) {
        roster.close(sid);
        return endSession(socket, { code: "session/revoked" });
      }
      const { user } = identity;
      const limiter = createRateLimit({ perSecond: eventsPerSecond });
      const session: LiveSession = { sid, socket, identity, limiter };
      live.set(sid, session);
      takeover.add(socket);
      socket.data.userId = user.id;
      socket.join(userRoom(user.id));
      if (!takesPositions(socket.handshake)) socket.join(WITHOUT_POSITIONS);
      welcome(session);
      // later only changes are told
      const models = [...roster.models()];
      if (models.length > 0) emitLocal(socket, "usage", { models });
      takeEvents(session, dispatch);
      socket.conn.once("upgrade", () => roster.update(sid, { transport: "websocket" }));
      socket.conn.on("slow", () => endSession(socket, { code: "session/slow" }));
      socket.on("disconnect", onDisconnect);
      tokenWatch.begin(session);
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
