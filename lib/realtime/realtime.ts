/**
 * Assembles Socket.IO on the engine: who is let in, what a session is on this node, where events go, and how it all
 * ends. Handlers of one subject each live beside this file; services know nothing of it.
 */
import { Server } from "socket.io";
import type { Identity } from "../auth/claims.ts";
import type { Config } from "../config.ts";
import { createEngine } from "../engine/mod.ts";
import type { Log } from "../log.ts";
import type { Metrics } from "../metrics.ts";
import type { PresenceService } from "../presence/service.ts";
import { PROTOCOL_VERSION, SOCKET_PATH } from "../protocol/events.ts";
import { type NodeId, type SessionId, sessionId } from "../protocol/ids.ts";
import { userRoom } from "../protocol/rooms.ts";
import type { SessionDirectory } from "../session/directory.ts";
import { createAdmission } from "./admission.ts";
import { createDispatch } from "./dispatch.ts";
import { endSession } from "./ending.ts";
import { createHandshake } from "./handshake.ts";
import { presenceEvents } from "./presence_events.ts";
import { createTokenBucket } from "./rate_limit.ts";
import { sessionEvents } from "./session_events.ts";
import type { LiveSession, TetherServer, TetherSocket } from "./types.ts";
export {};
