/** A plain socket.io-client, as any application has it: nothing of `lib/client` is in it. */
import { io, type ManagerOptions, type Socket, type SocketOptions } from "socket.io-client";
import type { Refusal } from "../../lib/protocol/events.ts";

/** A client's socket that closes at the end of its scope. */
export interface ForeignClient extends AsyncDisposable {
  readonly socket: Socket;
  /** The next event of this name: its first argument. Rejects when the socket disconnects first. */
  next(event: string): Promise<unknown>;
  /** Emits and waits for the answer. */
  ask(event: string, payload?: unknown): Promise<Answer>;
}

/** The acknowledgement of contract §3, loosely. */
export interface Answer {
  ok: boolean;
  error?: { code: string; message: string; retryAfterMs?: number };
  [field: string]: unknown;
}

/** The error with which a handshake is refused. */
export interface RefusedError extends Error {
  data: Refusal;
}

type Options = Partial<ManagerOptions & SocketOptions>;

/**
 * Makes a socket that is not connected yet, so that no event can be missed. One that says `protocol: 1` is told why it is
 * refused; for any other the transport closes where it is to try again.
 */
export function foreignClient(
  url: string,
  options: Options & { token?: unknown; protocol?: 1 } = {},
): ForeignClient {
  const { token, protocol, ...rest } = options;
  const socket = io(url, {
    path: "/ws/socket.io/",
    transports: ["websocket"],
    reconnection: false,
    forceNew: true,
    autoConnect: false,
    auth: { token, protocol },
    ...rest,
  });
  return {
    socket,
    next(event) {
      return new Promise((resolve, reject) => {
        const onDisconnect = (reason: string): void => {
          socket.off(event, onEvent);
          reject(new Error(`Cannot wait for ${event}: the socket disconnected (${reason})`));
        };
        const onEvent = (payload: unknown): void => {
          socket.off("disconnect", onDisconnect);
          resolve(payload);
        };
        socket.once(event, onEvent);
        if (event !== "disconnect") socket.once("disconnect", onDisconnect);
      });
    },
    ask: (event, payload) => socket.timeout(10_000).emitWithAck(event, payload),
    async [Symbol.asyncDispose]() {
      const { engine } = socket.io;
      const closed = engine?.readyState === "open" || engine?.readyState === "opening"
        ? new Promise((resolve) => engine.once("close", resolve))
        : undefined;
      socket.disconnect();
      await closed;
    },
  };
}

/** Connects, and waits for `session:ready`: its payload. */
export async function connect(client: ForeignClient): Promise<Record<string, unknown>> {
  const ready = Promise.race([
    client.next("session:ready"),
    refusal(client).then((error) => Promise.reject(error)),
  ]);
  client.socket.connect();
  return await ready as Record<string, unknown>;
}

/** The error with which the handshake is refused. */
export function refusal(client: ForeignClient): Promise<RefusedError> {
  return new Promise((resolve) =>
    client.socket.once("connect_error", (error) => resolve(error as RefusedError))
  );
}
