/**
 * Assembles Socket.IO on the engine: who is let in, what a session is on this node, where events go, and how it all
 * ends. Handlers of one subject each live beside this file; services know nothing of it.
 */
import { Server } from "socket.io";
import type { Identity } from "../auth/claims.ts";
import { createExpirySchedule } from "../auth/expiry_schedule.ts";
import { covers, type Revocations } from "../auth/revocations.ts";
import type { TokenVerifier } from "../auth/verifier.ts";
import type { Config } from "../config.ts";
import { type CorsOptions, createEngine } from "../engine/mod.ts";
import type { Log } from "../log.ts";
import type { Metrics } from "../metrics.ts";
import type { PresenceService } from "../presence/service.ts";
import { PROTOCOL_VERSION, SOCKET_PATH } from "../protocol/events.ts";
import { type NodeId, type SessionId, sessionId, type UserId } from "../protocol/ids.ts";
import { userRoom } from "../protocol/rooms.ts";
import type { SessionDirectory } from "../session/directory.ts";
import { type SessionRecord, sessionRecord } from "../session/record.ts";
import { createAdmission } from "./admission.ts";
import { createDispatch } from "./dispatch.ts";
import { type EndOptions, endSession } from "./ending.ts";
import { createHandshake } from "./handshake.ts";
import { presenceEvents } from "./presence_events.ts";
import { createTokenBucket } from "./rate_limit.ts";
import { sessionEvents } from "./session_events.ts";
import type { LiveSession, TetherServer, TetherSocket } from "./types.ts";

/** The settings that this folder needs. */
export type RealtimeConfig =
  & Pick<
    Config,
    | "pingIntervalMs"
    | "pingTimeoutMs"
    | "maxPayloadBytes"
    | "sendBufferBytes"
    | "websocketEnabled"
    | "corsOrigins"
    | "trustProxy"
    | "heartbeatIntervalMs"
    | "connectsPerSecond"
    | "sessionsPerUser"
    | "eventsPerSecond"
    | "expiryNoticeMs"
    | "drainMs"
    | "socketLogging"
  >
  & { clockToleranceMs: number };

/** Options of {@linkcode createRealtime}. */
export interface RealtimeOptions {
  config: RealtimeConfig;
  nodeId: NodeId;
  /** Checks tokens, revocation included. */
  verifier: TokenVerifier;
  revocations: Revocations;
  sessions: SessionDirectory;
  presence: PresenceService;
  log: Log;
  metrics: Metrics;
}

/** The running Socket.IO server. */
export interface Realtime extends AsyncDisposable {
  /** Answers the requests below `/ws/socket.io/`. */
  handle(request: Request, info: Deno.ServeHandlerInfo): Promise<Response>;
  /** How many sessions this node holds. */
  readonly size: number;
  /** Ends a session of this node in words. `false`: it is not here. */
  end(sid: SessionId, options: EndOptions): boolean;
  /** Admits nobody any more and ends all sessions, each with its own time to come back. */
  drain(): Promise<void>;
}

// how long a connection may take from the transport's opening to a token
const CONNECT_TIMEOUT_MS = 20_000;
/** How many sessions a drain ends before it lets others work. */
const DRAIN_BATCH = 100;

/** Makes the server; it accepts requests at once. */
export function createRealtime(options: RealtimeOptions): Realtime {
  const { config, nodeId, verifier, revocations, sessions, presence, log, metrics } = options;
  const live = new Map<string, LiveSession>();
  // between the middleware and the connection
  const admitted = new WeakMap<TetherSocket, Identity>();

  const engine = createEngine({
    path: SOCKET_PATH,
    pingIntervalMs: config.pingIntervalMs,
    pingTimeoutMs: config.pingTimeoutMs,
    maxPayload: config.maxPayloadBytes,
    sendBufferBytes: config.sendBufferBytes,
    transports: config.websocketEnabled ? ["polling", "websocket"] : ["polling"],
    cors: corsOf(config.corsOrigins),
    trustProxy: config.trustProxy,
  });
  const io: TetherServer = new Server({ serveClient: false, connectTimeout: CONNECT_TIMEOUT_MS });
  io.bind(engine);

  const admission = createAdmission({
    connectsPerSecond: config.connectsPerSecond,
    sessionsPerUser: config.sessionsPerUser,
    countOfUser: (id) => sessions.countOfUser(id),
  });
  const expiry = createExpirySchedule<SessionId>({
    noticeMs: config.expiryNoticeMs,
    toleranceMs: config.clockToleranceMs,
    onExpiring: (sid, expiresAt) => live.get(sid)?.socket.emit("session:expiring", { expiresAt }),
    onExpired: (sid) => void end(sid, { code: "session/expired" }),
    onError: (error) => log.error("A session could not be told of its expiry", { error }),
  });

  function end(sid: SessionId, how: EndOptions): boolean {
    const session = live.get(sid);
    if (session !== undefined) endSession(session.socket, how);
    return session !== undefined;
  }

  const PRESENCE_ROOM = "presence";
  function watch(
    { socket }: LiveSession,
    userIds?: readonly UserId[],
  ): Promise<readonly UserId[] | undefined> {
    socket.join(PRESENCE_ROOM);
    return Promise.resolve(userIds);
  }

  function joinChannels(_session: LiveSession): Promise<unknown> {
    return Promise.resolve();
  }

  const dispatch = createDispatch({
    handlers: [
      sessionEvents({
        authenticate: (token) => verifier.verify(token),
        joinChannels,
        renewed: (session, identity) => renew(session, identity),
        alive(session, active) {
          sessions.seen(session.sid);
          presence.heartbeat(session.sid, active);
        },
      }),
      presenceEvents({ presence, watch }),
    ],
    sessionOf: (socket) => live.get(socket.id),
    log,
    metrics,
  });

  io.use(createHandshake({
    admission,
    authenticate: (token) => verifier.verify(token),
    admit: (socket, identity) => admitted.set(socket, identity),
    log,
    metrics,
  }));
  io.on("connection", (socket) => {
    const identity = admitted.get(socket)!;
    const { user, expiresAt } = identity;
    const session: LiveSession = {
      sid: sessionId(socket.id),
      socket,
      identity,
      connectedAt: Date.now(),
      limiter: createTokenBucket({ perSecond: config.eventsPerSecond }),
    };
    live.set(socket.id, session);
    socket.data.userId = user.id;
    socket.join(userRoom(user.id));
    socket.emit("session:ready", {
      sid: session.sid,
      user,
      expiresAt,
      heartbeatIntervalMs: config.heartbeatIntervalMs,
      recovered: socket.recovered,
      serverTime: Date.now(),
      nodeId,
      protocol: PROTOCOL_VERSION,
    });
    socket.onAny(dispatch);
    socket.on("disconnect", onDisconnect);
    expiry.set(session.sid, expiresAt);
    sessions.open(recordOf(session));
    void presence.connect(session.sid, user);
    if (config.socketLogging) log.info("A session began", { sid: session.sid, userId: user.id });
  });

  // one function for all sockets: Socket.IO calls it with the socket as `this`
  function onDisconnect(this: TetherSocket, reason: string): void {
    const session = live.get(this.id);
    if (session === undefined) return;
    live.delete(this.id);
    expiry.delete(session.sid);
    sessions.close(session.sid);
    presence.disconnect(session.sid);
    metrics.endedSessions.inc({ reason });
    if (config.socketLogging) log.info("A session ended", { sid: session.sid, reason });
  }

  function recordOf({ sid, socket, identity, connectedAt }: LiveSession): SessionRecord {
    const { user, expiresAt } = identity;
    const { address, headers } = socket.handshake;
    return sessionRecord({
      ...{ sid, user, nodeId, connectedAt, lastSeenAt: Date.now(), expiresAt, address },
      transport: socket.conn.transport.name as SessionRecord["transport"],
      userAgent: headers["user-agent"] ?? "",
    });
  }

  async function renew(session: LiveSession, identity: Identity): Promise<void> {
    session.identity = identity;
    expiry.set(session.sid, identity.expiresAt);
    sessions.open(recordOf(session));
    await joinChannels(session);
  }

  const offRevoked = revocations.onRevoked((revocation) => {
    for (const session of live.values()) {
      if (covers(revocation, session.identity)) endSession(session.socket, { code: "session/revoked" });
    }
  });
  const offChange = presence.onChange((change) => {
    io.to(PRESENCE_ROOM).emit("presence:change", change);
  });

  return {
    handle: (request, info) => engine.handle(request, info),
    get size() {
      return live.size;
    },
    end,
    async drain() {
      admission.drain(config.drainMs / 2);
      const sessionsToEnd = [...live.values()];
      for (let start = 0; start < sessionsToEnd.length; start += DRAIN_BATCH) {
        for (const { socket } of sessionsToEnd.slice(start, start + DRAIN_BATCH)) {
          endSession(socket, { code: "server/draining", retryAfterMs: admission.spread(1000) });
        }
        await new Promise((resolve) => setTimeout(resolve, 0));
      }
    },
    async [Symbol.asyncDispose]() {
      offRevoked();
      offChange();
      expiry[Symbol.dispose]();
      await io.close();
      await engine.close();
    },
  };
}

function corsOf(origins: readonly string[]): CorsOptions {
  if (origins.length === 0) return { origins: "same-origin" };
  return origins[0] === "*" ? { origins: "*" } : { origins, credentials: true };
}
