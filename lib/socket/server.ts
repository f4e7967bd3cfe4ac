/**
 * Assembles Socket.IO on the engine: who is let in, what a session is on this node, where events go, and how it all
 * ends. Handlers of one subject each live beside this file; services know nothing of it.
 */
import { Server } from "socket.io";
import { withRevocation } from "../auth/revocation_check.ts";
import type { Revocations } from "../auth/revocations.ts";
import type { TokenVerifier } from "../auth/verifier.ts";
import type { ChannelService } from "../channel/service.ts";
import type { Config } from "../config.ts";
import { type CorsOptions, createEngine, type EngineSocket } from "../engine/mod.ts";
import type { Fleet } from "../eventlog/fleet.ts";
import { createMemoryAdapter } from "../eventlog/memory_adapter.ts";
import { noBus } from "../eventlog/node_bus.ts";
import { Decoder, Encoder } from "../eventlog/packet_codec.ts";
import { inFlightMs, MAX_DISCONNECTION_MS } from "../eventlog/recovery.ts";
import type { Log } from "../log.ts";
import type { Metrics } from "../metrics.ts";
import { SOCKET_PATH } from "../protocol/events.ts";
import type { NodeId, SessionId } from "../protocol/ids.ts";
import type { Roster } from "../roster/roster.ts";
import { createAdmission } from "./admission.ts";
import { channelEvents } from "./channel_events.ts";
import { createConnections } from "./connections.ts";
import { createDispatch } from "./dispatch.ts";
import { drain } from "./drain.ts";
import { logEngine } from "./engine_log.ts";
import { createFloodGuard, KEPT_OUT_MS } from "./flood_guard.ts";
import { createHandshake } from "./handshake.ts";
import { createMembership } from "./membership.ts";
import { createRepair } from "./missed_state.ts";
import { noteEvents } from "./note_events.ts";
import { createOversized } from "./oversized.ts";
import { createOutbound, type Outbound } from "./outbound.ts";
import { createPresenceWatch } from "./presence_watch.ts";
import { createEnder, endSession } from "./session_end.ts";
import { sessionEvents } from "./session_events.ts";
import { createWelcome } from "./session_ready.ts";
import { createStrangers } from "./strangers.ts";
import { createTakeover } from "./takeover.ts";
import { createTokenDoor } from "./token_door.ts";
import { createTokenWatch } from "./token_watch.ts";
import type { LiveSession, TetherServer } from "./types.ts";
import { usageEvents } from "./usage_events.ts";

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
interface SocketServerOptions {
  config: SocketServerConfig;
  nodeId: NodeId;
  /** Checks tokens, but not whether they are revoked. */
  verifier: TokenVerifier;
  revocations: Revocations;
  roster: Roster;
  channels: ChannelService;
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
  /** Ends a session with `session/ended`, wherever in the fleet it is. `false`: there is none. */
  endAnywhere(sid: SessionId): Promise<boolean>;
  /** While memory runs low: turns newcomers away, and at its beginning ends the sessions that hold the most. */
  relieve(isHigh: boolean): void;
  /** Admits nobody any more and ends all sessions, each with its own time to come back. */
  drain(options?: { withinMs?: number }): Promise<void>;
}

// how long a connection may take from the transport's opening to a token
const CONNECT_TIMEOUT_MS = 20_000;
/** How many connections may be without a session, at the least: as many as are admitted in that time, when that is more. */
export const MIN_STRANGERS = 1_000;

/** Makes the server; it accepts requests at once. */
export function createSocketServer(options: SocketServerOptions): SocketServer {
  const { config, nodeId, verifier, revocations, roster, channels, log, metrics } = options;
  const { fleet } = options;
  const live = new Map<string, LiveSession>();
  let isShort = false;
  const checked = withRevocation(verifier, revocations);

  // who sends no token holds memory until the time is over; that many do not hurt
  const strangers = createStrangers({
    max: Math.max(MIN_STRANGERS, config.connectsPerSecond * CONNECT_TIMEOUT_MS / 1000),
    patienceMs: CONNECT_TIMEOUT_MS,
  });
  const engine = createEngine({
    path: SOCKET_PATH,
    pingIntervalMs: config.pingIntervalMs,
    pingTimeoutMs: config.pingTimeoutMs,
    maxPayload: config.maxPayloadBytes,
    sendBufferBytes: config.sendBufferBytes,
    // who sends too many events is told so before
    framesPerSecond: config.eventsPerSecond === 0 ? 0 : Math.max(1000, 10 * config.eventsPerSecond),
    transports: config.websocketEnabled ? ["polling", "websocket"] : ["polling"],
    cors: corsOf(config.corsOrigins),
    allowRequest: ({ remoteAddress }) =>
      !isShort && strangers.hasPlace(remoteAddress)
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
  function forget(this: EngineSocket): void {
    strangers.delete(this);
  }
  engine.on("connection", (conn) => strangers.add(conn.on("close", forget)));
  if (config.engineLogging) logEngine(engine, log);
  const bus = fleet?.bus ?? noBus;

  const admission = createAdmission({ connectsPerSecond: config.connectsPerSecond });
  const door = createTokenDoor();
  const flood = createFloodGuard({ eventsPerSecond: config.eventsPerSecond });
  const tokenWatch = createTokenWatch({
    noticeMs: config.expiryNoticeMs,
    toleranceMs: config.jwt.clockToleranceS * 1000,
    // at least once in a session's lease of three heartbeats
    recheckMs: 1.5 * config.heartbeatIntervalMs,
    live,
    revocations,
    log,
  });
  const outbound = createOutbound({ io, bus, live, roster, maxPayloadBytes: config.maxPayloadBytes });
  const presenceWatch = createPresenceWatch({
    roster,
    channels,
    bus,
    onError: (error) => log.error("Changes of presence could not be told and will be tried again", { error }),
  });
  const membership = createMembership({ io, channels, bus, onLeft: presenceWatch.check });
  const { joinChannels } = membership;

  const dispatch = createDispatch({
    handlers: [
      sessionEvents({ verifier: checked, live, tokenWatch, roster, channels, joinChannels }),
      presenceWatch.handlers,
      channelEvents({ io, channels, joinChannels }),
      noteEvents(),
      usageEvents(roster),
    ],
    refused(session) {
      const isFlood = flood.refused(session);
      if (isFlood) endSession(session.socket, { code: "admission/rate-limited", retryAfterMs: KEPT_OUT_MS });
      return isFlood;
    },
    log,
    metrics,
  });
  const connections = createConnections({
    nodeId,
    live,
    roster,
    tokenWatch,
    takeover: createTakeover(recovery),
    recovery,
    membership,
    presenceWatch,
    outbound,
    dispatch,
    oversized: createOversized({ metrics }),
    welcome: createWelcome({
      nodeId,
      recovery,
      heartbeatIntervalMs: config.heartbeatIntervalMs,
      isDegraded: () => fleet?.degraded !== undefined,
    }),
    prepare: (rooms) => fleet?.prepare(rooms),
    sessionsPerUser: config.sessionsPerUser,
    eventsPerSecond: config.eventsPerSecond,
    isLogged: config.socketLogging,
    log,
    metrics,
  });
  io.use(createHandshake({
    admission,
    async authenticate(token, address) {
      const identity = await door.check(address, () => verifier.verify(token));
      flood.check(identity.user.id);
      return identity;
    },
    admit: connections.admit,
    release: connections.release,
    log,
    metrics,
  }));
  io.on("connection", (socket) => {
    const conn = socket.conn as unknown as EngineSocket;
    strangers.delete(conn.off("close", forget));
    connections.open(socket);
  });

  const repair = createRepair({
    async repair() {
      await channels.restore();
      await membership.joinAgain(live.values());
      presenceWatch.check(null);
    },
    tell: (degraded, rooms) => io.local.in([...rooms ?? []]).emit("session:degraded", { degraded }),
    log,
  });
  const stop = [
    membership.close,
    presenceWatch.close,
    roster.onUsage((models) => io.emit("usage", { models })),
    roster.onGone((records, reason) => {
      // taken by another node: their sockets here are dead ones
      for (const { sid } of reason === "taken" ? records : []) live.get(sid)?.socket.disconnect(true);
    }),
    fleet?.onDegraded(repair.change),
    fleet?.onMissed(repair.missed),
    repair.close,
  ];

  return {
    handle: (request, info) => engine.handle(request, info),
    get size() {
      return live.size;
    },
    outbound,
    endAnywhere: createEnder({ bus, end: connections.end }),
    relieve(isHigh) {
      admission.hold(isHigh);
      isShort = isHigh;
      if (!isHigh) return;
      for (const { socket } of live.values()) {
        const { bufferedBytes } = socket.conn as unknown as EngineSocket;
        if (bufferedBytes > config.sendBufferBytes / 8) endSession(socket, { code: "session/slow" });
      }
    },
    drain: ({ withinMs = config.drainMs } = {}) =>
      drain({
        live,
        admission,
        drainMs: withinMs,
        hasPeers: fleet !== undefined && fleet.others().length > 0,
        connectsPerSecond: config.connectsPerSecond,
      }),
    async [Symbol.asyncDispose]() {
      for (const off of stop) off?.();
      await tokenWatch[Symbol.asyncDispose]();
      await io.close();
      await engine.close();
    },
  };
}

function corsOf(origins: readonly string[]): CorsOptions {
  if (origins.length === 0) return { origins: "same-origin" };
  return origins[0] === "*" ? { origins: "*" } : { origins, credentials: true };
}
