/**
 * Assembles Socket.IO on the engine: who is let in, what a session is on this node, where events go, and how it all
 * ends. Handlers of one subject each live beside this file; services know nothing of it.
 */
import { Server } from "socket.io";
import type { Identity } from "../auth/claims.ts";
import { withRevocation } from "../auth/checked_verifier.ts";
import type { Revocations } from "../auth/revocations.ts";
import type { TokenVerifier } from "../auth/verifier.ts";
import type { ChannelService } from "../channel/service.ts";
import type { Config } from "../config.ts";
import { type CorsOptions, createEngine } from "../engine/mod.ts";
import type { Log } from "../log.ts";
import type { Metrics } from "../metrics.ts";
import type { PresenceService } from "../presence/service.ts";
import { ProtocolError } from "../protocol/codes.ts";
import { SOCKET_PATH } from "../protocol/events.ts";
import { type NodeId, type SessionId, sessionId } from "../protocol/ids.ts";
import { userRoom } from "../protocol/rooms.ts";
import type { SessionDirectory } from "../session/directory.ts";
import { type SessionRecord, sessionRecord, type SessionTransport } from "../session/record.ts";
import type { SessionStore } from "../session/store.ts";
import type { UsageService } from "../usage/service.ts";
import { createAdmission } from "./admission.ts";
import { noBus } from "../eventlog/node_bus.ts";
import { channelEvents } from "./channel_events.ts";
import { createDispatch } from "./dispatch.ts";
import { createEnder, type EndOptions, endSession } from "./session_end.ts";
import { logEngine } from "./engine_log.ts";
import { createFloodGuard, KEPT_OUT_MS } from "./flood_guard.ts";
import { createHandshake } from "./handshake.ts";
import type { Fleet } from "../eventlog/fleet.ts";
import { takeEvents } from "./event_reader.ts";
import { createMembership } from "./membership.ts";
import { noteEvents } from "./note_events.ts";
import { createOutbound, type Outbound } from "./outbound.ts";
import { Decoder, Encoder } from "../eventlog/packet_codec.ts";
import { announcePresence, presenceEvents } from "./presence_events.ts";
import { createRateLimit } from "./rate_limit.ts";
import { createHandover, sessionOf } from "./takeover.ts";
import { takesPositions, WITHOUT_POSITIONS } from "../eventlog/delivery.ts";
import { createMemoryAdapter } from "../eventlog/memory_adapter.ts";
import { inFlightMs, MAX_DISCONNECTION_MS } from "../eventlog/recovery.ts";
import { createRepair } from "./missed_state.ts";
import { sessionEvents } from "./session_events.ts";
import type { LiveSession, TetherServer, TetherSocket } from "./types.ts";
import { usageEvents } from "./usage_events.ts";
import { createWelcome } from "./session_ready.ts";
import { createValidity } from "./token_watch.ts";

/** The settings that this folder needs. */
export type SocketServerConfig = Pick<
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
  | "engineLogging"
  | "jwt"
>;

/** Options of {@linkcode createSocketServer}. */
export interface SocketServerOptions {
  config: SocketServerConfig;
  nodeId: NodeId;
  /** Checks tokens, but not whether they are revoked. */
  verifier: TokenVerifier;
  revocations: Revocations;
  store: SessionStore;
  sessions: SessionDirectory;
  presence: PresenceService;
  channels: ChannelService;
  usage: UsageService;
  /** Without one, this process stands alone. */
  fleet?: Fleet;
  log: Log;
  metrics: Metrics;
}

/** The running Socket.IO server. */
export interface SocketServer extends AsyncDisposable {
  /** Answers the requests below `/ws/socket.io/`. */
  handle(request: Request, info: Deno.ServeHandlerInfo): Promise<Response>;
  /** How many sessions this node holds. */
  readonly size: number;
  /** Sends what back ends have for open pages. */
  readonly outbound: Outbound;
  /** Ends a session of this node in words. `false`: it is not here. */
  end(sid: SessionId, options: EndOptions): boolean;
  /** Ends a session with `session/ended`, wherever in the fleet it is. `false`: there is none. */
  endAnywhere(sid: SessionId): Promise<boolean>;
  /** Closes the connection of a session that another node has taken over. */
  abandon(sid: SessionId): void;
  /** Admits nobody any more and ends all sessions, each with its own time to come back. */
  drain(): Promise<void>;
}

// how long a connection may take from the transport's opening to a token
const CONNECT_TIMEOUT_MS = 20_000;
/** How many connections may be without a session, at the least: as many as are admitted in that time, when that is more. */
export const MIN_STRANGERS = 1_000;
// how many sessions a drain ends before it lets others work
const DRAIN_BATCH = 100;

/** Makes the server; it accepts requests at once. */
export function createSocketServer(options: SocketServerOptions): SocketServer {
  const { config, nodeId, verifier, revocations, store, sessions, presence, channels, usage, log, metrics } =
    options;
  const { fleet } = options;
  const live = new Map<string, LiveSession>();
  const checked = withRevocation(verifier, revocations);

  // who sends no token holds memory until the time is over; that many do not hurt
  const maxStrangers = Math.max(MIN_STRANGERS, config.connectsPerSecond * CONNECT_TIMEOUT_MS / 1000);
  const engine = createEngine({
    path: SOCKET_PATH,
    pingIntervalMs: config.pingIntervalMs,
    pingTimeoutMs: config.pingTimeoutMs,
    maxPayload: config.maxPayloadBytes,
    sendBufferBytes: config.sendBufferBytes,
    transports: config.websocketEnabled ? ["polling", "websocket"] : ["polling"],
    cors: corsOf(config.corsOrigins),
    allowRequest: () =>
      engine.clientsCount - live.size < maxStrangers
        ? undefined
        : { message: "Too many connections without a session", status: 503 },
    trustProxy: config.trustProxy,
  });
  const { adapter, recovery } = fleet ?? createMemoryAdapter({ inFlightMs: inFlightMs(config) });
  const io: TetherServer = new Server({
    serveClient: false,
    connectTimeout: CONNECT_TIMEOUT_MS,
    parser: { Encoder, Decoder },
    adapter,
    connectionStateRecovery: { maxDisconnectionDuration: MAX_DISCONNECTION_MS, skipMiddlewares: false },
  });
  io.bind(engine);
  if (config.engineLogging) logEngine(engine, log);
  const bus = fleet?.bus ?? noBus;

  const admission = createAdmission({ connectsPerSecond: config.connectsPerSecond });
  const flood = createFloodGuard({ eventsPerSecond: config.eventsPerSecond });
  const validity = createValidity({
    noticeMs: config.expiryNoticeMs,
    toleranceMs: config.jwt.clockToleranceS * 1000,
    // at least once in a session's lease of three heartbeats
    recheckMs: 1.5 * config.heartbeatIntervalMs,
    ...{ live, revocations, log },
  });
  const outbound = createOutbound({ io, bus, nodeId, live, store, maxPayloadBytes: config.maxPayloadBytes });
  const membership = createMembership({ io, channels, bus });
  const { joinChannels } = membership;
  const handover = createHandover({ bus, recovery });
  const welcome = createWelcome({
    ...{ nodeId, recovery, heartbeatIntervalMs: config.heartbeatIntervalMs },
    isDegraded: () => fleet?.degraded !== undefined,
  });

  function end(sid: SessionId, how: EndOptions): boolean {
    const session = live.get(sid);
    if (session !== undefined) endSession(session.socket, how);
    return session !== undefined;
  }

  function recordOf(socket: TetherSocket, { user, expiresAt }: Identity): SessionRecord {
    const { address, headers } = socket.handshake;
    const now = Date.now();
    return sessionRecord({
      ...{ sid: sessionId(socket.id), user, nodeId, connectedAt: now, lastSeenAt: now, expiresAt, address },
      transport: socket.conn.transport.name as SessionTransport,
      userAgent: headers["user-agent"] ?? "",
    });
  }

  function release(socket: TetherSocket): void {
    validity.take(socket);
    sessions.close(sessionId(socket.id));
  }

  io.use(createHandshake({
    admission,
    async authenticate(token) {
      const identity = await verifier.verify(token);
      flood.check(identity.user.id);
      return identity;
    },
    async admit(socket, identity) {
      try {
        await validity.admit(socket, identity);
        await sessions.open(recordOf(socket, identity), { maxOfUser: config.sessionsPerUser });
        // what happened meanwhile in a channel that its user has left is not for it
        if (socket.recovered) await joinChannels({ socket, identity });
      } catch (error) {
        release(socket);
        throw error;
      }
    },
    onRefused(socket) {
      // with a better token, or at a better time, it is still there
      if (socket.recovered) recovery.persist(sessionOf(socket));
    },
    release,
    ...{ log, metrics },
  }));

  io.on("connection", (socket) => {
    const sid = sessionId(socket.id);
    const identity = validity.take(socket);
    if (identity === undefined) {
      sessions.close(sid);
      return endSession(socket, { code: "session/revoked" });
    }
    const { user } = identity;
    const limiter = createRateLimit({ perSecond: config.eventsPerSecond });
    const session: LiveSession = { sid, socket, identity, limiter };
    live.set(sid, session);
    handover.add(socket);
    socket.data.userId = user.id;
    socket.join(userRoom(user.id));
    if (!takesPositions(socket.handshake)) socket.join(WITHOUT_POSITIONS);
    welcome(session);
    takeEvents(session, dispatch);
    socket.conn.on("slow", () => endSession(socket, { code: "session/slow" }));
    socket.on("disconnect", onDisconnect);
    validity.begin(session);
    void presence.connect(sid, user);
    if (config.socketLogging) log.info("A session began", { sid, userId: user.id });
  });

  const dispatch = createDispatch({
    handlers: [
      sessionEvents({ authenticate: (token) => checked.verify(token), joinChannels, renew, alive }),
      presenceEvents({ presence, channels }),
      channelEvents({ io, channels, joinChannels }),
      noteEvents(),
      usageEvents(usage),
    ],
    refused(session) {
      const isFlood = flood.refused(session);
      if (isFlood) endSession(session.socket, { code: "admission/rate-limited", retryAfterMs: KEPT_OUT_MS });
      return isFlood;
    },
    ...{ log, metrics },
  });

  function alive({ sid }: LiveSession, active: boolean): void {
    sessions.touch(sid);
    presence.heartbeat(sid, active);
  }

  async function renew(session: LiveSession, identity: Identity): Promise<void> {
    // it may have ended while the token was checked
    if (live.get(session.sid) !== session) return;
    const { user, expiresAt } = identity;
    await validity.renew(session, identity);
    if (!live.has(session.sid)) throw new ProtocolError("auth/revoked");
    sessions.update(session.sid, { user, expiresAt });
    channels.refresh(user.id);
    await joinChannels(session);
  }

  // one function for all sockets: Socket.IO calls it with the socket as `this`
  function onDisconnect(this: TetherSocket, reason: string): void {
    const sid = sessionId(this.id);
    if (!live.delete(sid)) return;
    handover.delete(this);
    validity.end(sid);
    sessions.close(sid);
    presence.disconnect(sid);
    usage.end(sid);
    outbound.end(sid);
    metrics.endedSessions.inc({ reason });
    // a connection without a session would answer to no token and count for no user
    if (reason === "client namespace disconnect") this.conn.close();
    if (config.socketLogging) log.info("A session ended", { sid, reason });
  }

  const repair = createRepair({
    async repair() {
      await channels.restore();
      await membership.joinAgain(live.values());
    },
    tell: (degraded) => io.local.emit("session:degraded", { degraded }),
    log,
  });
  const stop = [
    membership.close,
    announcePresence({
      io,
      presence,
      channels,
      onError: (error) => log.error("A change was not announced", { error }),
    }),
    usage.onChange((models) => io.emit("usage", { models })),
    fleet?.onDegraded(repair.change),
    repair.close,
  ];

  return {
    handle: (request, info) => engine.handle(request, info),
    get size() {
      return live.size;
    },
    outbound,
    end,
    endAnywhere: createEnder({ bus, nodeId, store, end }),
    abandon: (sid) => live.get(sid)?.socket.disconnect(true),
    async drain() {
      admission.drain(config.drainMs / 2);
      const sockets = [...live.values()].map(({ socket }) => socket);
      for (let start = 0; start < sockets.length; start += DRAIN_BATCH) {
        for (const socket of sockets.slice(start, start + DRAIN_BATCH)) {
          // another node goes on with it
          recovery.persist(sessionOf(socket));
          endSession(socket, { code: "server/draining", retryAfterMs: admission.spread(1000) });
        }
        await new Promise((resolve) => setTimeout(resolve, 0));
      }
    },
    async [Symbol.asyncDispose]() {
      for (const off of stop) off?.();
      await validity[Symbol.asyncDispose]();
      await io.close();
      await engine.close();
    },
  };
}

function corsOf(origins: readonly string[]): CorsOptions {
  if (origins.length === 0) return { origins: "same-origin" };
  return origins[0] === "*" ? { origins: "*" } : { origins, credentials: true };
}
