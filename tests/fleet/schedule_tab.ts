/** A tab of a schedule: a stock Socket.IO client that reaches nodes over a network that fails when it is told to. */
import type { SessionReady } from "../../lib/protocol/events.ts";
import { type ForeignClient, foreignClient } from "../support/foreign_client.ts";
import { startTcpProxy, type TcpProxy } from "../support/tcp_proxy.ts";
import { createLife, type Life } from "./schedule_truth.ts";

const HANDSHAKE_MS = 5_000, GIVE_UP_MS = 30_000, RETRY_MS = 50;

/** A tab. Disposing it closes what it has. */
export interface Tab extends AsyncDisposable {
  readonly user: number;
  readonly client: ForeignClient;
  readonly node: number;
  /** The session that it has, or had last. */
  readonly life: Life;
  readonly lives: readonly Life[];
  /** Whether its connection works. */
  readonly isOnline: boolean;
  /** When it last ceased to. */
  readonly offlineSince: number;
  /** Leaves its connection, if it has one, and connects to a node, or another one when that is down. */
  connect(node: number): Promise<SessionReady>;
  /** Cuts its connection. */
  cut(): Promise<void>;
  /** Nothing comes through any more, and nobody is told. */
  blackHole(): void;
}

/** What a tab is made of. */
export interface TabOptions {
  name: string;
  user: number;
  token: string;
  ports: readonly number[];
  /** Called with every event of its present session. */
  onEvent: (life: Life, name: string, payload: unknown) => void;
}

/** Opens a tab that is not connected yet. */
export function createTab({ name, user, token, ports, onEvent }: TabOptions): Tab {
  const client = foreignClient("http://127.0.0.1:1", { token });
  const { socket } = client;
  const proxies: TcpProxy[] = [];
  const lives: Life[] = [];
  let sid: string | undefined, node = 0, isOnline = false, offlineSince = 0;

  socket.onAny((event: string, payload) => {
    if (event === "session:ready") hearReady(payload);
    onEvent(lives.at(-1)!, event, payload);
  });
  socket.on("disconnect", goOffline);

  function hearReady(ready: SessionReady): void {
    const before = lives.at(-1);
    if (before === undefined || !ready.recovered || ready.sid !== sid) {
      if (before !== undefined) before.mayMiss = true;
      lives.push(createLife(`${name}.${lives.length}`));
    }
    sid = ready.sid;
    isOnline = true;
  }

  function goOffline(): void {
    if (isOnline) offlineSince = performance.now();
    isOnline = false;
  }

  async function disconnect(): Promise<void> {
    if (!socket.connected) return;
    const gone = client.next("disconnect");
    socket.io.engine.close();
    await gone;
  }

  /** One attempt, over a new way; `undefined` when it fails. */
  async function tryConnect(to: number): Promise<SessionReady | undefined> {
    const proxy = startTcpProxy(ports[to]!);
    proxies.push(proxy);
    Object.assign(socket.io, { uri: proxy.url });
    const outcome = Promise.withResolvers<SessionReady | undefined>();
    const fail = (): void => outcome.resolve(undefined);
    const timer = setTimeout(fail, HANDSHAKE_MS);
    socket.once("session:ready", outcome.resolve);
    for (const event of ["connect_error", "disconnect"]) socket.once(event, fail);
    socket.connect();
    const ready = await outcome.promise;
    clearTimeout(timer);
    socket.off("session:ready", outcome.resolve);
    for (const event of ["connect_error", "disconnect"]) socket.off(event, fail);
    if (ready === undefined) socket.disconnect();
    return ready;
  }

  return {
    user,
    client,
    get node() {
      return node;
    },
    get life() {
      return lives.at(-1)!;
    },
    lives,
    get isOnline() {
      return isOnline;
    },
    get offlineSince() {
      return offlineSince;
    },
    async connect(first) {
      await disconnect();
      const end = performance.now() + GIVE_UP_MS;
      for (let attempt = 0;; attempt++) {
        node = (first + attempt) % ports.length;
        const ready = await tryConnect(node);
        if (ready !== undefined) return ready;
        if (performance.now() > end) throw new Error(`Cannot connect ${name}: no node takes it`);
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
      }
    },
    async cut() {
      const gone = client.next("disconnect");
      proxies.at(-1)!.drop();
      await gone;
    },
    blackHole() {
      const { toServer, toClient } = proxies.at(-1)!;
      toServer.holed = toClient.holed = true;
      goOffline();
    },
    async [Symbol.asyncDispose]() {
      socket.offAny();
      const { engine } = socket.io;
      const closed = engine?.readyState === "open"
        ? new Promise((resolve) => engine.once("close", resolve))
        : undefined;
      socket.disconnect();
      await closed;
      await Promise.all(proxies.map((proxy) => proxy[Symbol.asyncDispose]()));
    },
  };
}
