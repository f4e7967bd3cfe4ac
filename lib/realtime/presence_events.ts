/** `presence:list`: who is there, and from then on who comes and goes (contract §4). */
import type { PresenceService } from "../presence/service.ts";
import type { UserId } from "../protocol/ids.ts";
import type { EventHandlers, LiveSession } from "./types.ts";

/** Options of {@linkcode presenceEvents}. */
export interface PresenceEventsOptions {
  presence: PresenceService;
  /** Makes the session hear of changes: of `userIds`, or of everybody whom it may see. Answers the ids it may ask. */
  watch: (session: LiveSession, userIds?: readonly UserId[]) => Promise<readonly UserId[] | undefined>;
}

/** Makes the handlers. */
export function presenceEvents({ presence, watch }: PresenceEventsOptions): EventHandlers {
  return {
    async "presence:list"(session, { userIds }) {
      const visible = await watch(session, userIds ?? undefined);
      return { users: await presence.list(visible) };
    },
  };
}
