/** The events about the session itself: `user-join`, `heartbeat`, `auth:refresh` (contract §4). */
import type { Identity } from "../auth/claims.ts";
import { ProtocolError } from "../protocol/codes.ts";
import type { EventHandlers, LiveSession } from "./types.ts";

/** Options of {@linkcode sessionEvents}. */
export interface SessionEventsOptions {
  /** Verifies a token and that it is not revoked; throws an `auth/*` code. */
  authenticate: (token: unknown) => Promise<Identity>;
  /** Puts the session into the rooms of all its user's channels. */
  joinChannels: (session: LiveSession) => Promise<unknown>;
  /** A newer token of the same user is in force. */
  renew: (session: LiveSession, identity: Identity) => Promise<void>;
  /** The session is alive, and its user active or not. */
  alive: (session: LiveSession, active: boolean) => void;
  now?: () => number;
}

/** Makes the handlers. */
export function sessionEvents(
  { authenticate, joinChannels, renew, alive, now = Date.now }: SessionEventsOptions,
): EventHandlers {
  async function sameUser(session: LiveSession, token: string): Promise<Identity> {
    const identity = await authenticate(token);
    if (identity.user.id !== session.identity.user.id) {
      throw new ProtocolError("access/denied", "The token belongs to another user.");
    }
    return identity;
  }

  return {
    async "user-join"(session, { auth }) {
      const { user } = await sameUser(session, auth.token);
      await joinChannels(session);
      return { id: user.id, name: user.name };
    },
    "heartbeat"(session, { active }) {
      alive(session, active ?? true);
      return { serverTime: now() };
    },
    async "auth:refresh"(session, { token }) {
      const identity = await sameUser(session, token);
      await renew(session, identity);
      return { expiresAt: identity.expiresAt };
    },
  };
}
