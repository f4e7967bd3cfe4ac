/** Which failures of Redis pass by themselves: they become `server/unavailable`, and nothing else does. */
import { ErrorReply } from "redis";
import { ProtocolError } from "../protocol/codes.ts";

// replies of a server that is loading, failing over, or short of memory or replicas
const TRANSIENT = /^(LOADING|READONLY|MASTERDOWN|CLUSTERDOWN|TRYAGAIN|NOREPLICAS|BUSY|OOM|UNBLOCKED)\b/;

/** Whether the same call may succeed later, when Redis is back. */
export function isRetriableError(error: unknown): boolean {
  return error instanceof ProtocolError && error.code === "server/unavailable";
}

/** Whether `error` says that the connection is of no use any more: it is broken, or its server has been demoted. */
export function isConnectionLost(error: unknown): boolean {
  return !(error instanceof ErrorReply) || error.message.startsWith("READONLY");
}

/** `error` as callers are to see it: typed when the server is away, and unchanged when a call was wrong. */
export function toCallerError(error: unknown): unknown {
  if (error instanceof ErrorReply && !TRANSIENT.test(error.message)) return error;
  return unavailable(error);
}

/** The error of a call that Redis cannot serve now. */
export function unavailable(cause?: unknown): ProtocolError {
  return new ProtocolError("server/unavailable", undefined, { cause });
}
