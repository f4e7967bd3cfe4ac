/** Reads what the server says of the session (contract §1, §2) into the machine's terms, whatever it turns out to be. */
import type { Code } from "../protocol/codes.ts";
import type { SessionReady } from "../protocol/events.ts";
import type { Event } from "./state_machine.ts";

/** A longer `retryAfterMs` is taken for a mistake. */
const MAX_RETRY_AFTER_MS = 3_600_000;

/** The payload of `session:ready`, with an interval that a heart can beat at. */
export function readSession(payload: unknown): SessionReady {
  const session = { ...payload as SessionReady };
  const ms = session.heartbeatIntervalMs;
  session.heartbeatIntervalMs = Number.isFinite(ms) ? Math.min(Math.max(ms, 1000), 300_000) : 30_000;
  return session;
}

/** A refusal or a `session:end`. One that does not say what to do is a line that closed. */
export function readVerdict(type: "refused" | "ended", data: unknown, text?: string): Event {
  const { code, action, message: said = text, retryAfterMs } = Object(data) as Record<string, unknown>;
  const message = String(said);
  if (action !== "retry" && action !== "reauth" && action !== "stop") return { type: "closed", message };
  const waitMs = Math.min(Math.max(Number(retryAfterMs) || 0, 0), MAX_RETRY_AFTER_MS);
  return { type, code: String(code) as Code, action, message, retryAfterMs: waitMs };
}
