/** How the others are, as far as a user may see it: those with whom the user shares a channel. It keeps nothing. */
import type { ChannelService } from "../channel/service.ts";
import type { Presence } from "../protocol/events.ts";
import type { UserId } from "../protocol/ids.ts";
import type { Payloads } from "../protocol/payloads.ts";
import type { Roster } from "../roster/roster.ts";
import { MAX_LISTED, type PresenceCursor } from "../roster/store.ts";

/** What `presence:list` and `GET /api/presence` ask for. */
export type PresenceQuery = Partial<Payloads["presence:list"]>;

/** What they answer; `total` and `next` only where no ids were asked for. */
export interface PresenceList {
  users: Presence[];
  /**
   * How many users one may see. Where no channel is public, it is the number of those among the 1,000 users who were
   * active last, since the place where the page begins.
   */
  total?: number;
  /** What to ask for the next page `after`; `null`: this is the last. A page may hold fewer users than asked for. */
  next?: string | null;
}

/** What `viewer` may see; all, without one. Rejects when a store is away. */
export async function listPresence(
  viewer: UserId | undefined,
  { userIds, limit = MAX_LISTED, after }: PresenceQuery,
  { roster, channels }: { roster: Roster; channels: ChannelService },
): Promise<PresenceList> {
  if (userIds !== undefined) {
    const visible = viewer === undefined ? userIds : await channels.visibleTo(viewer, userIds);
    return { users: await roster.presence(visible) };
  }
  if (viewer === undefined || await channels.areAllVisible()) {
    const { users, total, next } = await roster.recent({ limit, after });
    return { users, total, next: next && textOf(next) };
  }
  const { users, next } = await roster.recent({ limit: MAX_LISTED, after });
  const visible = new Set(await channels.visibleTo(viewer, users.map(({ id }) => id)));
  const seen = users.filter(({ id }) => visible.has(id)), page = seen.slice(0, limit), last = page.at(-1);
  const place = seen.length > page.length ? { at: last!.lastActiveAt ?? 0, id: last!.id } : next;
  return { users: page, total: seen.length, next: place && textOf(place) };
}

function textOf({ at, id }: PresenceCursor): string {
  return `${at}:${id}`;
}
