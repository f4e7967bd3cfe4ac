/**
 * Looks at the tokens of live sessions again, all of them once a lease: whoever was revoked while this node could not
 * be told is ended then. The work is spread evenly over the lease.
 */
import type { Identity } from "../auth/claims.ts";
import type { Log } from "../log.ts";
import { type Loop, supervise } from "../supervise.ts";
import type { LiveSession } from "./types.ts";

/** Options of {@linkcode createRecheck}. */
export interface RecheckOptions {
  /** The sessions of this node. */
  live: ReadonlyMap<string, LiveSession>;
  /** Those of these identities that are revoked, in one round trip. */
  recheck: (identities: readonly Identity[]) => Promise<Identity[]>;
  onRevoked: (session: LiveSession) => void;
  /** In which each session is looked at once, in milliseconds. */
  periodMs: number;
  log: Log;
  onError: (error: unknown) => void;
}

/** A running recheck. */
export interface Recheck extends AsyncDisposable {
  /** Looks at all sessions now. */
  all(): Promise<void>;
}

const INTERVAL_MS = 1000;
const MAX_BATCH = 500;

/** Starts to look. */
export function createRecheck(options: RecheckOptions): Recheck {
  const { live, recheck, onRevoked, periodMs, log, onError } = options;
  let round = live.values();

  async function check(sessions: readonly LiveSession[]): Promise<void> {
    for (let start = 0; start < sessions.length; start += MAX_BATCH) {
      const batch = sessions.slice(start, start + MAX_BATCH);
      const revoked = new Set(await recheck(batch.map(({ identity }) => identity)));
      for (const session of batch) if (revoked.has(session.identity)) onRevoked(session);
    }
  }

  function next(): Promise<void> {
    // a little faster than needed, so that a late tick does not make a session wait beyond its period
    const share = Math.ceil(1.25 * live.size * INTERVAL_MS / periodMs);
    const sessions = [...round.take(share)];
    if (sessions.length < share) round = live.values();
    return check(sessions);
  }

  const loop: Loop = supervise("Checking tokens again", next, { intervalMs: INTERVAL_MS, log, onError });
  return {
    all: () => check([...live.values()]),
    [Symbol.asyncDispose]: () => loop[Symbol.asyncDispose](),
  };
}
