/** A TCP proxy that fails on demand, as networks do: it drops, delays, forgets one side, or swallows what it is given. */

/** One of the two ways through the proxy; holds for connections that are open and for those to come. */
export interface Direction {
  /** Swallows every byte, and the end of the stream with them. */
  holed: boolean;
  /** How long every piece is on its way, in milliseconds; those behind it travel at the same time. */
  delayMs: number;
  /** How many bytes have come in so far. */
  bytes: number;
  /** Takes nothing more, so that the buffers of the sender fill. */
  stalled: boolean;
  /** Puts something else in the place of every piece. */
  rewrite?: (piece: Uint8Array<ArrayBuffer>) => Uint8Array<ArrayBuffer>;
}

/** A running proxy. Disposing it closes every connection. */
export interface TcpProxy extends AsyncDisposable {
  readonly port: number;
  readonly url: string;
  readonly toServer: Direction;
  readonly toClient: Direction;
  /** Cuts every open connection, for both sides to see. */
  drop(): void;
  /** Cuts every open connection towards the server; the client is not told. */
  halfOpen(): void;
  /** No holes and no delay any more. */
  heal(): void;
}

interface Pair {
  client: Deno.TcpConn;
  server: Deno.TcpConn;
  /** The server's side is gone and the client shall not know. */
  silent: boolean;
}

/** Listens on a free port of this machine and leads to `ports` in turn, leaving out those that refuse. */
export function startTcpProxy(...ports: readonly number[]): TcpProxy {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const toServer: Direction = { holed: false, stalled: false, delayMs: 0, bytes: 0 };
  const toClient: Direction = { holed: false, stalled: false, delayMs: 0, bytes: 0 };
  const pairs = new Set<Pair>();
  const running = new Set<Promise<void>>();
  const abort = new AbortController();
  let next = 0;

  function close(pair: Pair): void {
    pairs.delete(pair);
    for (const side of [pair.client, pair.server]) {
      try {
        side.close();
      } catch {
        // it is closed already
      }
    }
  }

  async function pump(pair: Pair, from: "client" | "server"): Promise<void> {
    const source = pair[from], target = pair[from === "client" ? "server" : "client"];
    const direction = from === "client" ? toServer : toClient;
    const buffer = new Uint8Array(65_536);
    const writer = target.writable.getWriter();
    let underWay: Promise<void> = Promise.resolve();
    async function deliver(
      piece: Uint8Array<ArrayBuffer>,
      before: Promise<void>,
      dueAt: number,
    ): Promise<void> {
      await before;
      const restMs = dueAt - performance.now();
      if (restMs > 0) await wait(restMs, abort.signal);
      await writer.write(piece);
    }
    try {
      for (let count = await source.read(buffer); count !== null; count = await source.read(buffer)) {
        while (direction.stalled) await wait(20, abort.signal);
        if (direction.holed || pair.silent) continue;
        direction.bytes += count;
        const dueAt = performance.now() + direction.delayMs;
        const piece = buffer.slice(0, count);
        underWay = deliver(direction.rewrite?.(piece) ?? piece, underWay, dueAt);
        // without a delay, who reads slowly is read slowly; with one, what is under way is bounded by the sender
        if (direction.delayMs === 0) await underWay;
        else underWay.catch(() => close(pair));
      }
      await underWay;
    } catch {
      // either side was closed
    }
    if (pair.silent && from === "server" || direction.holed) return;
    close(pair);
  }

  async function serve(client: Deno.TcpConn): Promise<void> {
    let server: Deno.TcpConn | undefined;
    for (let tries = 0; tries < ports.length && server === undefined; tries++) {
      const port = ports[next++ % ports.length]!;
      server = await Deno.connect({ hostname: "127.0.0.1", port }).catch(() => undefined);
    }
    if (server === undefined) return client.close();
    for (const side of [client, server]) side.setNoDelay();
    const pair = { client, server, silent: false };
    pairs.add(pair);
    await Promise.all([pump(pair, "client"), pump(pair, "server")]);
  }

  const accepting = (async () => {
    for await (const client of listener) {
      const served = serve(client).finally(() => running.delete(served));
      running.add(served);
    }
  })();

  return {
    port: listener.addr.port,
    url: `http://127.0.0.1:${listener.addr.port}`,
    toServer,
    toClient,
    drop() {
      for (const pair of pairs) close(pair);
    },
    halfOpen() {
      for (const pair of pairs) {
        pair.silent = true;
        pair.server.close();
      }
    },
    heal() {
      for (const direction of [toServer, toClient]) {
        Object.assign(direction, { holed: false, stalled: false, delayMs: 0 });
      }
    },
    async [Symbol.asyncDispose]() {
      abort.abort();
      listener.close();
      for (const pair of pairs) close(pair);
      await Promise.all([accepting, ...running]);
    },
  };
}

function wait(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      reject(signal.reason);
    }, { once: true });
  });
}
