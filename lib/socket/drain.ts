/** A node that goes away in good order: nobody new, and every session is told when to come back (contract §2). */
import type { Recovery } from "../eventlog/recovery.ts";
import type { Admission } from "./admission.ts";
import { endSession } from "./session_end.ts";
import { sessionOf } from "./takeover.ts";
import type { LiveSession } from "./types.ts";

interface DrainOptions {
  live: ReadonlyMap<string, LiveSession>;
  admission: Admission;
  recovery: Recovery;
  /** `DRAIN_SECONDS` in milliseconds. */
  drainMs: number;
}

// how many sessions are ended before others work
const BATCH = 100;
const RETRY_MS = 1000;

/** Turns away newcomers and ends the sessions of this node, a few at a time. */
export async function drain({ live, admission, recovery, drainMs }: DrainOptions): Promise<void> {
  admission.drain(drainMs / 2);
  const sockets = [...live.values()].map(({ socket }) => socket);
  for (let start = 0; start < sockets.length; start += BATCH) {
    for (const socket of sockets.slice(start, start + BATCH)) {
      // another node goes on with it
      recovery.persist(sessionOf(socket));
      endSession(socket, { code: "server/draining", retryAfterMs: admission.spread(RETRY_MS) });
    }
    await new Promise((resolve) => setTimeout(resolve, 0));
  }
}
