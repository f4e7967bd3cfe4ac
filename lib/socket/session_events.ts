/** The events about the session itself: `user-join`, `heartbeat`, `auth:refresh` (contract §4). */
import type { Identity } from "../auth/claims.ts";
import type { TokenVerifier } from "../auth/verifier.ts";
import type { ChannelService } from "../channel/service.ts";
import { ProtocolError } from "../protocol/codes.ts";
import type { Roster } from "../roster/roster.ts";
import type { Membership } from "./membership.ts";
import type { TokenWatch } from "./token_watch.ts";
import type { EventHandlers, LiveSession } from "./types.ts";

interface SessionEventsOptions {
  /** Verifies a token and that it is not revoked. */
  verifier: TokenVerifier;
  /** The sessions of this node. */
  live: ReadonlyMap<string, LiveSession>;
  tokenWatch: TokenWatch;
  roster: Roster;
  channels: ChannelService;
  joinChannels: Membership["joinChannels"];
}

export function sessionEvents(options: SessionEventsOptions): EventHandlers {
  const { verifier, live, tokenWatch, roster, channels, joinChannels } = options;

  async function sameUser(session: LiveSession, token: string): Promise<Identity> {
    const identity = await verifier.verify(token);
    if (identity.user.id !== session.identity.user.id) {
      throw new ProtocolError("access/denied", "The token belongs to another user.");
    }
    return identity;
  }

  /** Puts a newer token of the same user in force. */
  async function renew(session: LiveSession, identity: Identity): Promise<void> {
    // it may have ended while the token was checked
    if (live.get(session.sid) !== session) return;
    const { user, expiresAt } = identity;
    await tokenWatch.renew(session, identity);
    if (!live.has(session.sid)) throw new ProtocolError("auth/revoked");
    roster.update(session.sid, { user, expiresAt });
    channels.refresh(user.id);
    await joinChannels(session);
  }

  return {
    async "user-join"(session, { auth }) {
      const { user } = await sameUser(session, auth.token);
      await joinChannels(session);
      return { id: user.id, name: user.name };
    },
    "heartbeat"({ sid }, { active }) {
      roster.alive(sid, active ?? true);
      return { serverTime: Date.now() };
    },
    async "auth:refresh"(session, { token }) {
      const identity = await sameUser(session, token);
      await renew(session, identity);
      return { expiresAt: identity.expiresAt };
    },
  };
}
