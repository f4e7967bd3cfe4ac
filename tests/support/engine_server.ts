/** Engines on real ports for tests: a plain echo server, and Socket.IO with the handlers of the protocol's test suite. */
import { Server } from "socket.io";
import { createEngine, type Engine, type EngineOptions } from "../../lib/engine/mod.ts";

/** A server that a test disposes of. */
export interface TestServer extends AsyncDisposable {
  readonly engine: Engine;
  readonly port: number;
  /** `http://127.0.0.1:port` and the path; `ws` likewise. */
  readonly http: string;
  readonly ws: string;
}

/** Serves `engine` on a free port until it is disposed of, which throws if the engine ever did. */
export function serve(engine: Engine, path: string): TestServer {
  const abort = new AbortController();
  const errors: unknown[] = [];
  const onError = (error: unknown): Response => {
    errors.push(error);
    return new Response("the handler threw", { status: 500 });
  };
  const server = Deno.serve(
    { port: 0, hostname: "127.0.0.1", signal: abort.signal, onError, onListen() {} },
    (request, info) => engine.handle(request, info),
  );
  const { port } = server.addr;
  return {
    engine,
    port,
    http: `http://127.0.0.1:${port}${path}`,
    ws: `ws://127.0.0.1:${port}${path}`,
    async [Symbol.asyncDispose]() {
      await engine.close();
      abort.abort();
      await server.finished;
      if (errors.length > 0) throw new AggregateError(errors, "The engine threw while it handled a request");
    },
  };
}

/** The intervals of the protocol's own test suites, and no long wait for clients that do not come back. */
export const FAST = { pingIntervalMs: 300, pingTimeoutMs: 200, closeTimeoutMs: 50 } as const;
/** The same pings, with patience for a pong on a busy machine: for whatever does not test the timeout. */
export const PATIENT = { ...FAST, pingTimeoutMs: 20_000 } as const;

/** An engine that sends every message back. */
export function serveEcho(options: EngineOptions = {}): TestServer {
  const engine = createEngine({ ...PATIENT, ...options });
  engine.on("connection", (socket) => socket.on("data", (data) => socket.write(data as string)));
  return serve(engine, options.path ?? "/engine.io/");
}

/** Socket.IO on an engine: namespaces `/` and `/custom` that answer `auth`, and echo `message` and `message-with-ack`. */
export function serveSocketIo(options: EngineOptions = {}): TestServer & { readonly io: Server } {
  const engine = createEngine({ path: "/socket.io/", ...PATIENT, ...options });
  const io = new Server();
  io.bind(engine);
  for (const name of ["/", "/custom"]) {
    io.of(name).on("connection", (socket) => {
      socket.emit("auth", socket.handshake.auth);
      socket.on("message", (...args) => socket.emit("message-back", ...args));
      socket.on("message-with-ack", (...args) => args.pop()(...args));
      socket.on("leave", () => socket.disconnect(true));
    });
  }
  const server = serve(engine, options.path ?? "/socket.io/");
  return Object.assign(server, { io });
}
