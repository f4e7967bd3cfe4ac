/**
 * A Socket.IO client by hand that takes its session with it from node to node, as stock clients with connection state
 * recovery do: it gives back its private id and the last position. It costs next to nothing, for tests with a thousand.
 */
import type { SessionReady } from "../../lib/protocol/events.ts";

/** A client with at most one connection at a time. */
export interface RoamingClient {
  /** What the last connection began with. */
  readonly ready: SessionReady | undefined;
  /** How long the last handshake took from the token to the answer, in milliseconds. */
  readonly readyAfterMs: number;
  /** Resolves when the present connection has ended. */
  readonly ended: Promise<void>;
  /** Connects to a node, with the session of before if there was one; rejects when the handshake is refused. */
  connect(url: string): Promise<SessionReady>;
  /** Emits and waits for the answer; rejects when the connection ends before it. */
  ask(event: string, payload?: unknown): Promise<Record<string, unknown>>;
  /** Closes the connection, without a word of leaving. */
  close(): Promise<void>;
}

/** What a {@linkcode roamingClient} is and does. */
export interface RoamingClientOptions {
  token: string;
  /** Gets every event that comes. */
  onEvent: (name: string, payload: unknown) => void;
  /** What it answers to calls. */
  answer?: () => unknown;
}

/** Makes a client that is not connected yet. */
export function roamingClient({ token, onEvent, answer }: RoamingClientOptions): RoamingClient {
  let pid: string | undefined, offset: string | undefined;
  let ready: SessionReady | undefined;
  let socket: WebSocket | undefined, ended: Promise<void> = Promise.resolve();
  let lastAsk = 0, sentAt = 0, readyAfterMs = 0;
  const asked = new Map<number, PromiseWithResolvers<Record<string, unknown>>>();

  function hearEvent([name, ...args]: [string, ...unknown[]]): void {
    // as socket.io-client does it
    if (typeof args.at(-1) === "string") offset = args.pop() as string;
    if (name === "session:ready") {
      ready = args[0] as SessionReady;
      readyAfterMs = performance.now() - sentAt;
    }
    onEvent(name, args[0]);
  }

  return {
    get ready() {
      return ready;
    },
    get readyAfterMs() {
      return readyAfterMs;
    },
    get ended() {
      return ended;
    },
    connect(url) {
      const opened = Promise.withResolvers<SessionReady>(), closed = Promise.withResolvers<void>();
      const current = socket = new WebSocket(
        `${url.replace("http", "ws")}/ws/socket.io/?EIO=4&transport=websocket`,
      );
      ended = closed.promise;
      ready = undefined;
      current.onmessage = ({ data: frame }: MessageEvent<string>) => {
        if (frame.startsWith("42")) {
          const bracket = frame.indexOf("[");
          hearEvent(JSON.parse(frame.slice(bracket)));
          if (bracket > 2 && answer) {
            current.send(`43${frame.slice(2, bracket)}${JSON.stringify([answer()])}`);
          }
          if (ready !== undefined) opened.resolve(ready);
        } else if (frame.startsWith("43")) {
          const bracket = frame.indexOf("["), id = Number(frame.slice(2, bracket));
          asked.get(id)?.resolve(JSON.parse(frame.slice(bracket))[0]);
          asked.delete(id);
        } else if (frame[0] === "0") {
          sentAt = performance.now();
          current.send(`40${JSON.stringify({ token, ...(pid !== undefined && { pid, offset }) })}`);
        } else if (frame.startsWith("40")) ({ pid } = JSON.parse(frame.slice(2)));
        else if (frame === "2") current.send("3");
        else if (frame.startsWith("44")) opened.reject(new Error(`Cannot connect: ${frame}`));
      };
      current.onclose = () => {
        const error = new Error("Cannot go on: the connection was closed");
        opened.reject(error);
        for (const { reject } of asked.values()) reject(error);
        asked.clear();
        closed.resolve();
      };
      return opened.promise;
    },
    ask(event, payload) {
      if (socket?.readyState !== WebSocket.OPEN) {
        return Promise.reject(new Error("Cannot ask: not connected"));
      }
      const answer = Promise.withResolvers<Record<string, unknown>>();
      asked.set(++lastAsk, answer);
      socket.send(`42${lastAsk}${JSON.stringify([event, payload])}`);
      return answer.promise;
    },
    async close() {
      socket?.close();
      await ended;
    },
  };
}
