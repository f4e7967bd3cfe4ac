/**
 * The connection layer of Open WebUI's pages, event by event and field by field, with nothing added: what a page of
 * theirs sends and hears when only its URL and its token are changed. (The document events are not in here.)
 */
import { io, type Socket } from "socket.io-client";

/** The types of `events` that a page answers. */
const CALLS = new Set(["confirmation", "input", "execute"]);

/** What the page's timer is; tests move it themselves. */
export type Every = (ms: number, task: () => void) => { clear(): void };

/** Options of {@linkcode openWebuiPage}. */
export interface OpenWebuiOptions {
  token: string;
  /** Their `enable_websocket`. */
  websocket: boolean;
  every: Every;
  /** What the page answers to `events` that wait for an answer. */
  answer?: (event: unknown) => unknown;
}

/** A page. */
export interface OpenWebuiPage extends AsyncDisposable {
  readonly socket: Socket;
  /** What came in, by event name. */
  readonly heard: Record<"events" | "events:channel" | "usage" | "error", unknown[]>;
  /** The next event of this name. */
  next(event: string): Promise<unknown>;
  typing(channelId: string, typing: boolean): void;
  lastRead(channelId: string): void;
  usage(model: string, chatId: string): void;
}

/** Opens a page. */
export function openWebuiPage(
  base: string,
  { token, websocket, every, answer }: OpenWebuiOptions,
): OpenWebuiPage {
  const socket = io(base, {
    reconnection: true,
    reconnectionDelay: 1000,
    reconnectionDelayMax: 5000,
    randomizationFactor: 0.5,
    path: "/ws/socket.io",
    transports: websocket ? ["websocket"] : ["polling", "websocket"],
    auth: { token },
  });
  let heartbeat: { clear(): void } | undefined;
  const heard: OpenWebuiPage["heard"] = { "events": [], "events:channel": [], "usage": [], "error": [] };

  socket.on("connect", () => {
    heartbeat?.clear();
    heartbeat = every(30_000, () => socket.emit("heartbeat", {}));
    if (token) socket.emit("user-join", { auth: { token } });
  });
  socket.on("disconnect", () => {
    heartbeat?.clear();
    heartbeat = undefined;
  });
  socket.on("events", (event, callback) => {
    heard.events.push(event);
    if (CALLS.has(event.data.type)) callback(answer?.(event));
  });
  for (const name of ["events:channel", "usage", "error"] as const) {
    socket.on(name, (event) => heard[name].push(event));
  }

  return {
    socket,
    heard,
    next: (event) => new Promise((resolve) => socket.once(event, resolve)),
    typing(channelId, typing) {
      socket.emit("events:channel", {
        channel_id: channelId,
        message_id: null,
        data: { type: "typing", data: { typing } },
      });
    },
    lastRead(channelId) {
      socket.emit("events:channel", {
        channel_id: channelId,
        message_id: null,
        data: { type: "last_read_at" },
      });
    },
    usage(model, chatId) {
      socket.emit("usage", { action: "chat", model, chat_id: chatId });
    },
    async [Symbol.asyncDispose]() {
      const { engine } = socket.io;
      const closed = engine?.readyState === "open"
        ? new Promise((resolve) => engine.once("close", resolve))
        : undefined;
      socket.disconnect();
      await closed;
    },
  };
}
