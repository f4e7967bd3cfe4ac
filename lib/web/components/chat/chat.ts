/**
 * The state behind the chat page: the user's channels, what is said in the open one, and who is there. It follows a
 * connection and asks the endpoints of contract §6; components show what is in its signals.
 */
import { type ReadonlySignal, signal } from "@preact/signals";
import type { ChannelEvent, Connection, Presence } from "../../../client/mod.ts";
import { withChanges } from "../people.ts";
import { ask as askServer } from "./api_request.ts";
import { createTypists, type Typists } from "./typists.ts";

/** A channel as `GET /api/channels` shows it. */
export interface Channel {
  id: string;
  name: string;
  public: boolean;
  createdBy: string | null;
  unread: number;
}

/** A message as `GET /api/channels/:id/messages` shows it. */
interface Message {
  id: string;
  user: { id: string; name: string };
  content: string;
  createdAt: number;
}

/** What the page was made with. */
export interface ChatStart {
  me: { id: string; role: string };
  channels: Channel[];
  /** The id of the open channel. */
  open: string;
  messages: Message[];
  /** Everybody whom the user may see. */
  people: Presence[];
  /** Who is in the open channel. */
  memberIds: string[];
}

interface ChatOptions {
  /** Asks an endpoint. */
  ask?: typeof askServer;
  /** Whether somebody looks at the page. */
  isSeen?: () => boolean;
}

/** The chat of one page. */
export interface Chat {
  readonly me: ChatStart["me"];
  readonly channels: ReadonlySignal<Channel[]>;
  readonly open: ReadonlySignal<string>;
  readonly messages: ReadonlySignal<Message[]>;
  readonly people: ReadonlySignal<Presence[]>;
  readonly memberIds: ReadonlySignal<string[]>;
  /** The names of those who type in the open channel. */
  readonly typists: Typists["names"];
  /** What went wrong last, in words; empty when nothing did. */
  readonly problem: ReadonlySignal<string>;
  /** Keeps up with the connection's events; the result ends that. */
  follow(connection: Connection): () => void;
  /** Opens another channel. */
  show(channelId: string): Promise<void>;
  /** Posts to the open channel. `false`: it failed, and `problem` says why. */
  say(content: string): Promise<boolean>;
  /** The user changed the text that is to be posted. */
  typed(text: string): void;
  /** Makes a channel and opens it. */
  create(name: string, options: { public: boolean }): Promise<boolean>;
  /** Adds somebody to the open channel, or removes them. */
  setMember(userId: string, member: boolean): Promise<boolean>;
}

const GENERAL = "general";
const READ_AFTER_MS = 200, TYPING_EVERY_MS = 1_000, TYPING_ENDS_MS = 3_000;
// the most that one page of them holds
const MAX_PEOPLE = 500;

/** Begins in the state that the server rendered. */
export function createChat(start: ChatStart, options: ChatOptions = {}): Chat {
  const { ask = askServer, isSeen = () => document.visibilityState === "visible" } = options;
  const { me } = start;
  const channels = signal(start.channels), open = signal(start.open), messages = signal(start.messages);
  const people = signal(start.people), memberIds = signal(start.memberIds);
  const problem = signal("");
  const typists = createTypists();
  let connection: Connection | undefined;
  let reading: ReturnType<typeof setTimeout> | undefined, stopping: ReturnType<typeof setTimeout> | undefined;
  let typedAt = 0;

  async function attempt(work: () => Promise<unknown>): Promise<boolean> {
    try {
      await work();
      problem.value = "";
      return true;
    } catch (error) {
      problem.value = (error as Error).message;
      return false;
    }
  }

  const pathOf = (id: string): string => `/api/channels/${encodeURIComponent(id)}`;

  async function loadChannels(): Promise<void> {
    channels.value = (await ask("GET", "/api/channels")).channels as Channel[];
    if (!channels.value.some(({ id }) => id === open.value)) await leave();
  }

  async function loadOpen(): Promise<void> {
    const id = open.value;
    const [said, who] = await Promise.all(
      ["messages", "members"].map((what) => ask("GET", `${pathOf(id)}/${what}`)),
    );
    if (id !== open.value) return;
    messages.value = merged(said!.messages as Message[], messages.value);
    memberIds.value = (who!.members as Presence[]).map(({ id }) => id);
    readSoon();
  }

  async function loadPeople(): Promise<void> {
    people.value = (await connection!.request("presence:list", { limit: MAX_PEOPLE })).users;
  }

  async function show(id: string): Promise<void> {
    if (id === open.value) return;
    stopTyping();
    open.value = id;
    messages.value = [];
    memberIds.value = [];
    typists.clear();
    await attempt(loadOpen);
  }

  /** The open channel is not the user's any more. */
  async function leave(): Promise<void> {
    await show(GENERAL);
    problem.value = "You are no longer in that channel.";
  }

  function setUnread(id: string, count: (unread: number) => number): void {
    channels.value = channels.value.map((one) => one.id === id ? { ...one, unread: count(one.unread) } : one);
  }

  /** Tells the server, once for many messages; what nobody looks at stays unread. */
  function readSoon(): void {
    clearTimeout(reading);
    reading = setTimeout(() => {
      if (!isSeen()) return;
      setUnread(open.value, () => 0);
      connection?.send("events:channel", { channel_id: open.value, data: { type: "last_read_at" } });
    }, READ_AFTER_MS);
  }

  function onChannel({ channel_id: id, data: { type, data }, user }: ChannelEvent): void {
    const here = id === open.value, mine = user?.id === me.id;
    if (type === "message" && user !== null) {
      if (here) {
        messages.value = merged(messages.value, [{ ...data as Message, user }]);
        typists.set(user, false);
        if (!mine) readSoon();
      }
      if (!mine) setUnread(id, (unread) => unread + 1);
    } else if (type === "typing" && user !== null) {
      if (here && !mine) typists.set(user, (data as { typing?: boolean })?.typing ?? true);
    } else if (type === "last_read_at" && mine) setUnread(id, () => 0);
    else if (type === "channel:joined") void attempt(loadChannels);
    else if (type === "channel:left") {
      channels.value = channels.value.filter((one) => one.id !== id);
      if (here) void leave();
    }
  }

  function tellTyping(typing: boolean): void {
    connection?.send("events:channel", {
      channel_id: open.value,
      data: { type: "typing", data: { typing } },
    });
  }

  function stopTyping(): void {
    clearTimeout(stopping);
    if (typedAt > 0) tellTyping(false);
    typedAt = 0;
  }

  return {
    me,
    channels,
    open,
    messages,
    people,
    memberIds,
    typists: typists.names,
    problem,
    show,
    follow(next) {
      connection = next;
      const catchUp = (): void => void attempt(() => Promise.all([loadChannels(), loadOpen(), loadPeople()]));
      if (next.state.status === "connected") catchUp();
      next.on("connect", catchUp);
      next.on("resync", catchUp);
      next.on("events:channel", onChannel);
      next.on("presence:changes", ({ users }) => people.value = withChanges(people.value, users));
      addEventListener("visibilitychange", readSoon);
      return () => {
        removeEventListener("visibilitychange", readSoon);
        clearTimeout(reading);
        clearTimeout(stopping);
        typists.clear();
      };
    },
    async say(content) {
      clearTimeout(stopping);
      // the message itself tells the others that its author no longer types
      typedAt = 0;
      const data = { type: "message", data: { content } } as const;
      return await attempt(() => connection!.request("events:channel", { channel_id: open.value, data }));
    },
    typed(text) {
      if (text.trim() === "") return stopTyping();
      clearTimeout(stopping);
      stopping = setTimeout(stopTyping, TYPING_ENDS_MS);
      if (Date.now() - typedAt < TYPING_EVERY_MS) return;
      typedAt = Date.now();
      tellTyping(true);
    },
    create: (name, options) =>
      attempt(async () => {
        const { channel } = await ask("POST", "/api/channels", { name, ...options });
        await loadChannels();
        await show((channel as Channel).id);
      }),
    setMember: (userId, member) =>
      attempt(async () => {
        await ask(member ? "POST" : "DELETE", `${pathOf(open.value)}/members/${encodeURIComponent(userId)}`);
        if (userId !== me.id) await loadOpen();
      }),
  };
}

/** The messages of both lists, once each and in order. */
function merged(some: readonly Message[], others: readonly Message[]): Message[] {
  const byId = new Map([...some, ...others].map((message) => [message.id, message]));
  return [...byId.values()].sort((a, b) => a.id < b.id ? -1 : 1);
}
