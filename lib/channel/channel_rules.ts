/** Who may do what in channels, and how many of them there may be; everything here throws what it refuses with. */
import { ProtocolError } from "../protocol/codes.ts";
import type { User } from "../protocol/events.ts";
import type { ChannelId, UserId } from "../protocol/ids.ts";
import type { Channel } from "../protocol/resources.ts";
import type { Memberships } from "./membership_cache.ts";
import type { ChannelStore } from "./store.ts";

/** The most channels that one user can have made. */
export const MAX_CHANNELS_MADE = 100;
/** The most channels, apart from public ones, that one user can be added to; it keeps nobody from making their own. */
export const MAX_CHANNELS_OF_USER = 1_000;
/** The most public channels; everybody is in each of them. */
const MAX_PUBLIC_CHANNELS = 200;

/** Whoever acts: identity comes from the session. */
export type Actor = Pick<User, "id" | "name" | "role">;
/** Who may make public channels. */
export type PublicChannels = "everyone" | "admin" | "none";

interface ChannelRules {
  /** Refuses a channel that is not there as it does one that the user is not in, so that nobody learns which are. */
  member(channelId: ChannelId, userId: UserId): Promise<void>;
  /** The channel, when `actor` may change who is in it. */
  manager(actor: Actor, channelId: ChannelId): Promise<Channel>;
  /** The channel, when it is `actor`'s to change or remove. */
  owner(actor: Actor, channelId: ChannelId): Promise<Channel>;
  /** `actor` may make one more channel. */
  maker(actor: Actor, channel: { public: boolean }): Promise<void>;
  /** The user may be added to one more channel. */
  place(userId: UserId): Promise<void>;
}

interface ChannelRulesOptions {
  store: ChannelStore;
  memberships: Memberships;
  publicChannels: PublicChannels;
}

/** What is asked before anything is done. */
export function createChannelRules(options: ChannelRulesOptions): ChannelRules {
  const { store, memberships, publicChannels } = options;

  async function known(actor: Actor, channelId: ChannelId): Promise<Channel> {
    if (!isAdmin(actor)) await rules.member(channelId, actor.id);
    const [channel] = await store.get([channelId]);
    if (channel === undefined) throw new ProtocolError("access/not-found");
    return channel;
  }

  const rules: ChannelRules = {
    async member(channelId, userId) {
      if (await memberships.isMember(channelId, userId)) return;
      throw new ProtocolError("access/denied", "You are not a member of this channel.");
    },
    async manager(actor, channelId) {
      const channel = await known(actor, channelId);
      if (channel.public) {
        throw new ProtocolError("request/invalid", "Everybody is a member of a public channel.");
      }
      requireMaker(actor, channel);
      return channel;
    },
    async owner(actor, channelId) {
      const channel = await known(actor, channelId);
      requireMaker(actor, channel);
      if (channel.createdBy !== null) return channel;
      throw new ProtocolError("access/denied", "This channel is the server's own.");
    },
    async maker(actor, { public: open }) {
      if (open && publicChannels !== "everyone" && !(publicChannels === "admin" && isAdmin(actor))) {
        throw new ProtocolError("access/denied", "You may not make public channels here.");
      }
      if (await store.countMadeBy(actor.id) >= MAX_CHANNELS_MADE) {
        throw new ProtocolError("request/invalid", `A user can have made ${MAX_CHANNELS_MADE} channels.`);
      }
      if (open && (await memberships.publicIds()).size >= MAX_PUBLIC_CHANNELS) {
        throw new ProtocolError("request/invalid", `There can be ${MAX_PUBLIC_CHANNELS} public channels.`);
      }
    },
    async place(userId) {
      if ((await memberships.ownIds(userId)).size < MAX_CHANNELS_OF_USER) return;
      throw new ProtocolError("request/invalid", `A user can be in ${MAX_CHANNELS_OF_USER} channels.`);
    },
  };
  return rules;
}

function isAdmin({ role }: Actor): boolean {
  return role === "admin";
}

function requireMaker(actor: Actor, { createdBy }: Channel): void {
  if (isAdmin(actor) || createdBy === actor.id) return;
  throw new ProtocolError("access/denied", "Only its maker may change this channel.");
}
