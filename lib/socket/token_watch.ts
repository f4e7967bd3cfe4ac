/**
 * Keeps every session exactly as valid as its token: warns before the token runs out, ends the session when it has,
 * and when it is revoked. A revocation finds a connection from before its token is looked up until it is gone.
 */
import type { Identity } from "../auth/claims.ts";
import { createExpirySchedule } from "../auth/expiry_schedule.ts";
import { covers, type Revocations } from "../auth/revocations.ts";
import { batches } from "../batches.ts";
import type { Log } from "../log.ts";
import type { SessionId } from "../protocol/ids.ts";
import { delay, supervise } from "../supervise.ts";
import { endSession } from "./session_end.ts";
import { emitLocal, type LiveSession, type TetherSocket } from "./types.ts";

/** Times in milliseconds. */
interface TokenWatchOptions {
  /** The sessions of this node. */
  live: ReadonlyMap<string, LiveSession>;
  revocations: Revocations;
  /** How long before its token runs out a session is warned. */
  noticeMs: number;
  /** How long after that it ends. */
  toleranceMs: number;
  /** How often live sessions are looked up again, for revocations that nobody told this node of. */
  recheckMs: number;
  log: Log;
}

/** Watches over the sessions of this node. */
export interface TokenWatch extends AsyncDisposable {
  /** Lets a connection in whose token is not revoked, and watches over it until it is taken; throws `auth/revoked`. */
  admit(socket: TetherSocket, identity: Identity): Promise<void>;
  /** Whom `socket` was admitted for; from here on it is the caller's. `undefined`: revoked in the meantime. */
  take(socket: TetherSocket): Identity | undefined;
  /** Watches over a session that is live. */
  begin(session: LiveSession): void;
  /** Puts a newer token of the same user in force. */
  renew(session: LiveSession, identity: Identity): Promise<void>;
  /** Watches over it no more. */
  end(sid: SessionId): void;
}

// what one lookup asks for
const RECHECK_BATCH = 500;

export function createTokenWatch(options: TokenWatchOptions): TokenWatch {
  const { live, revocations, noticeMs, toleranceMs, recheckMs, log } = options;
  const admitted = new Map<TetherSocket, Identity>();
  const expiry = createExpirySchedule<SessionId>({
    ...{ noticeMs, toleranceMs },
    onExpiring: (sid, expiresAt) => {
      const session = live.get(sid);
      if (session !== undefined) emitLocal(session.socket, "session:expiring", { expiresAt });
    },
    onExpired: (sid) => {
      const session = live.get(sid);
      if (session !== undefined) endSession(session.socket, { code: "session/expired" });
    },
    onError: (error) => log.error("A session could not be told of its expiry", { error }),
  });

  const off = revocations.onRevoked((revocation) => {
    for (const [socket, identity] of admitted) if (covers(revocation, identity)) admitted.delete(socket);
    for (const { socket, identity } of live.values()) {
      if (covers(revocation, identity)) endSession(socket, { code: "session/revoked" });
    }
  });

  async function recheck(sessions: readonly LiveSession[]): Promise<void> {
    const revoked = new Set(await revocations.recheck(sessions.map(({ identity }) => identity)));
    for (const { socket, identity } of sessions) {
      if (revoked.has(identity)) endSession(socket, { code: "session/revoked" });
    }
  }

  const loop = supervise("Looking up revocations again", async (signal) => {
    for (const batch of batches([...live.values()], RECHECK_BATCH)) {
      if (signal.aborted) return;
      await recheck(batch);
      await delay(0);
    }
  }, { intervalMs: recheckMs, log });

  return {
    async admit(socket, identity) {
      admitted.set(socket, identity);
      await revocations.assertValid(identity);
    },
    take(socket) {
      const identity = admitted.get(socket);
      admitted.delete(socket);
      return identity;
    },
    begin: ({ sid, identity }) => expiry.set(sid, identity.expiresAt),
    async renew(session, identity) {
      session.identity = identity;
      expiry.set(session.sid, identity.expiresAt);
      // a revocation between the check of this token and now has not found it
      await recheck([session]);
    },
    end: (sid) => expiry.delete(sid),
    async [Symbol.asyncDispose]() {
      off();
      expiry[Symbol.dispose]();
      await loop[Symbol.asyncDispose]();
    },
  };
}
