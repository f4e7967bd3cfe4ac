/** Who is in a channel, as far as somebody may see it. */
import type { Identity } from "../auth/claims.ts";
import { ProtocolError } from "../protocol/codes.ts";
import type { Presence } from "../protocol/events.ts";
import type { ChannelId } from "../protocol/ids.ts";
import type { Services } from "./services.ts";

/** The channel's members among those whom `identity` may see; throws `access/denied` for who is none. */
export async function membersOf(
  channelId: ChannelId,
  { identity, services: { channels, presence } }: { identity: Identity; services: Services },
): Promise<Presence[]> {
  if (!await channels.isMember(channelId, identity.user.id)) throw new ProtocolError("access/denied");
  const { users } = await presence(identity.user.id, {});
  const inside = await Promise.all(users.map(({ id }) => channels.isMember(channelId, id)));
  return users.filter((_, index) => inside[index]);
}
