/** The face of the engine: Engine.IO 4 for `Deno.serve`. Import nothing of this folder but this file. */
export { type ConnectionError, createEngine, type Engine, type EngineEvents } from "./engine.ts";
export type { CorsOptions, EngineOptions, Refusal, TransportName } from "./options.ts";
export type { RefusalCode } from "./refusal.ts";
export type { EngineRequest, RequestInfo } from "./request.ts";
export type {
  BinaryOrText,
  CloseReason,
  CurrentTransport,
  EngineSocket,
  SocketEvents,
  WriteOptions,
} from "./socket.ts";
