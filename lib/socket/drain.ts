/**
 * A node that goes away in good order: nobody new, and every session is told when to come back (contract §2). Where
 * other nodes serve, sessions go one after the other over `DRAIN_SECONDS` and are served until then; a node that stands
 * alone ends them all at once, and each is told a time of its own.
 */
import { delay } from "../supervise.ts";
import type { Admission } from "./admission.ts";
import { endSession } from "./session_end.ts";
import type { LiveSession } from "./types.ts";

interface DrainOptions {
  /** The sessions of this node. */
  live: ReadonlyMap<string, LiveSession>;
  admission: Admission;
  /** `DRAIN_SECONDS` in milliseconds. */
  drainMs: number;
  /** Whether another node serves. */
  hasPeers: boolean;
  /** `ADMISSION_CONNECTS_PER_SECOND`: as fast as they may come back. */
  connectsPerSecond: number;
  /** 0 ≤ x < 1; default `Math.random`. */
  random?: () => number;
}

const STEP_MS = 100;
/** How long a client that has another node to go to waits, about. */
const MOVE_MS = 500;
/** What a restart takes, about. */
const RESTART_MS = 1000;
// how many sessions are ended before others work
const BATCH = 100;

/** Resolves when no session is left, or the time is over. */
export async function drain(options: DrainOptions): Promise<void> {
  const { live, admission, drainMs, hasPeers, connectsPerSecond, random = Math.random } = options;
  admission.drain(hasPeers ? MOVE_MS : RESTART_MS);
  const waiting = [...live.values()];
  const total = waiting.length;
  const startedAt = performance.now();
  // a restarted node takes them in at the rate that it admits, with room to spare
  const returnMs = Math.min(drainMs, RESTART_MS + 1.5 * 1000 * total / connectsPerSecond);

  function end({ socket }: LiveSession): void {
    const waitMs = hasPeers ? admission.spread(MOVE_MS) : RESTART_MS / 2 + random() * returnMs;
    endSession(socket, { code: "server/draining", retryAfterMs: Math.round(waitMs) });
  }

  while (waiting.length > 0) {
    const passed = hasPeers && drainMs > 0 ? (performance.now() - startedAt) / drainMs : 1;
    const due = Math.ceil(total * Math.min(1, passed)) - (total - waiting.length);
    waiting.splice(0, Math.min(due, BATCH)).forEach(end);
    await delay(due > BATCH ? 0 : STEP_MS);
  }
  // last words are under way, and who was let in just before has none yet
  while (live.size > 0 && performance.now() - startedAt < drainMs) {
    for (const session of live.values()) if (session.socket.conn.readyState === "open") end(session);
    await delay(STEP_MS);
  }
}
