/** The engine: which request belongs to which session, and who may open one. It knows nothing of packets. */
import { corsHeaders, originAllowed, preflight } from "./cors.ts";
import { Emitter } from "./emitter.ts";
import { Heartbeat } from "./heartbeat.ts";
import { type EngineOptions, type ResolvedOptions, resolveOptions, type TransportName } from "./options.ts";
import { PollingTransport } from "./polling.ts";
import { Pressure } from "./backpressure.ts";
import { type RefusalCode, REFUSALS, RequestRefused } from "./refusal.ts";
import { type EngineRequest, readRequest, type RequestInfo } from "./request.ts";
import { type Host, Session } from "./session.ts";
import type { EngineSocket } from "./socket.ts";
import type { Transport } from "./transport.ts";
import { Upgrade } from "./upgrade.ts";
import { WebSocketTransport } from "./websocket.ts";

/** The events of an engine. */
export interface EngineEvents {
  /** A session was opened. */
  connection: [socket: EngineSocket];
  /** A request was refused. */
  connection_error: [error: ConnectionError];
}

/** A refused request, as `connection_error` tells it. */
export interface ConnectionError {
  req: EngineRequest;
  code: RefusalCode;
  message: string;
}

/** An Engine.IO server for one path of a `Deno.serve`. */
export interface Engine {
  /** Answers a request; 404 off the path. For a WebSocket the response must be returned as it is. */
  handle(request: Request, info: RequestInfo): Promise<Response>;
  on<Name extends keyof EngineEvents>(event: Name, listener: (...args: EngineEvents[Name]) => void): unknown;
  off<Name extends keyof EngineEvents>(event: Name, listener: (...args: EngineEvents[Name]) => void): unknown;
  /** Sessions that are open or closing. */
  readonly clientsCount: number;
  /** Admits nobody more, and ends every session once its buffer was handed over. Settles when all have ended. */
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** Makes an engine. Throws a `TypeError` or `RangeError` on a bad option. */
export function createEngine(options: EngineOptions = {}): Engine {
  return new DenoEngine(resolveOptions(options));
}

/** A request on its way through the engine. */
interface Incoming {
  request: Request;
  url: URL;
  info: RequestInfo;
}

// a client that goes on to a WebSocket sends two frames before it is done
const FRAME_TURNS = 5;

interface PollingSession {
  session: Session;
  polling: PollingTransport;
}

class DenoEngine extends Emitter<EngineEvents> implements Engine, Host {
  readonly options: ResolvedOptions;
  readonly heartbeat: Heartbeat;
  readonly pressure = new Pressure();
  readonly #sessions = new Map<string, Session>();
  #closed: PromiseWithResolvers<void> | undefined;
  #lastMessage = "";
  #lastFrame = "4";

  constructor(options: ResolvedOptions) {
    super();
    this.options = options;
    this.heartbeat = new Heartbeat(options);
  }

  get clientsCount(): number {
    return this.#sessions.size;
  }

  async handle(request: Request, info: RequestInfo): Promise<Response> {
    const url = URL.parse(request.url);
    // the Host header is the client's to choose, and with it the URL can be none
    if (url === null) return new RequestRefused(3).toResponse(new Headers());
    const { path } = this.options;
    if (url.pathname !== path && `${url.pathname}/` !== path) {
      return new Response("Not found", { status: 404 });
    }
    const incoming = { request, url, info };
    try {
      return await this.#serve(incoming);
    } catch (error) {
      if (!(error instanceof RequestRefused)) throw error;
      const { code, message } = error;
      if (this.listens("connection_error")) {
        this.emit("connection_error", { req: this.#read(incoming), code, message });
      }
      return error.toResponse(corsHeaders(request, this.options.cors));
    }
  }

  close(): Promise<void> {
    if (this.#closed === undefined) {
      this.#closed = Promise.withResolvers();
      for (const session of this.#sessions.values()) session.close();
      this.#settleWhenEmpty();
    }
    return this.#closed.promise;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  messageFrame(data: string): string {
    // the receivers of a broadcast come one after the other with the very same string
    if (data !== this.#lastMessage) {
      this.#lastMessage = data;
      this.#lastFrame = "4" + data;
    }
    return this.#lastFrame;
  }

  closed(session: Session): void {
    this.#sessions.delete(session.id);
    this.#settleWhenEmpty();
  }

  #settleWhenEmpty(): void {
    if (this.#sessions.size === 0) this.#closed?.resolve();
  }

  async #serve(incoming: Incoming): Promise<Response> {
    const { request, url } = incoming;
    if (!originAllowed(request, this.options)) throw new RequestRefused(4);
    if (request.method === "OPTIONS") return preflight(request, corsHeaders(request, this.options.cors));
    const name = this.#transportName(incoming);
    const sid = url.searchParams.get("sid");
    if (sid === null) return this.#handshake(incoming, name);
    const session = this.#session(sid);
    if (name === "websocket") return this.#upgrade(incoming, session);
    if (request.method === "GET" && session.upgradeState !== "none") {
      // a client that is done with its probe has said so before it asks here
      await yieldToFrames();
      this.#session(sid);
    }
    const { transport } = session;
    if (!(transport instanceof PollingTransport)) throw new RequestRefused(3);
    if (request.method === "GET") return this.#poll(incoming, { session, polling: transport });
    if (request.method === "POST") return this.#post(incoming, { session, polling: transport });
    throw new RequestRefused(3);
  }

  #session(sid: string): Session {
    const session = this.#sessions.get(sid);
    if (session === undefined || !session.checkAlive()) throw new RequestRefused(1);
    return session;
  }

  /** The transport asked for; a WebSocket must come as one, and nothing else may. */
  #transportName({ request, url }: Incoming): TransportName {
    const name = this.options.transports.find((name) => name === url.searchParams.get("transport"));
    if (name === undefined) throw new RequestRefused(0);
    const upgrades = request.headers.get("upgrade")?.toLowerCase() === "websocket";
    if (upgrades !== (name === "websocket")) throw new RequestRefused(3);
    return name;
  }

  async #handshake(incoming: Incoming, name: TransportName): Promise<Response> {
    const { request, url } = incoming;
    if (request.method !== "GET") throw new RequestRefused(2);
    const revision = url.searchParams.get("EIO");
    if (revision !== "4") {
      const message = `${REFUSALS[5]}: this server speaks Engine.IO 4, the client ${
        revision ?? "does not say"
      }`;
      throw new RequestRefused(5, { message });
    }
    const copy = this.#read(incoming);
    const { allowRequest } = this.options;
    const refusal = allowRequest === undefined ? undefined : await allowRequest(copy);
    if (refusal !== undefined) throw new RequestRefused(4, refusal);
    if (this.#closed !== undefined) {
      throw new RequestRefused(3, { message: "The server is closing", status: 503 });
    }
    if (name === "polling") {
      const transport = new PollingTransport(this.options);
      const session = this.#open(transport, copy);
      const response = transport.poll(session, this.#headers(incoming, true))!;
      this.emit("connection", session);
      return response;
    }
    return this.#accept(request, (transport) => {
      if (this.#closed !== undefined) return void transport.close({ code: 1001 });
      const session = this.#open(transport, copy);
      transport.connect(session);
      this.emit("connection", session);
    });
  }

  #open(transport: Transport, request: EngineRequest): Session {
    const session = new Session(crypto.randomUUID(), { host: this, request, transport });
    this.#sessions.set(session.id, session);
    session.open();
    return session;
  }

  #accept(request: Request, opened: (transport: WebSocketTransport) => void): Response {
    let upgraded: Deno.WebSocketUpgrade;
    try {
      // the engine has its own heartbeat
      upgraded = Deno.upgradeWebSocket(request, { idleTimeout: 0 });
    } catch {
      throw new RequestRefused(3);
    }
    const { socket, response } = upgraded;
    new WebSocketTransport(socket, { sendBufferBytes: this.options.sendBufferBytes, opened });
    return response;
  }

  /** A WebSocket that the session has no use for is opened and closed: to a client, an error would be its own fault. */
  #upgrade({ request }: Incoming, session: Session): Response {
    const { upgradeTimeoutMs: timeoutMs } = this.options;
    return this.#accept(request, (socket) => {
      const { transport: polling, readyState, upgradeState } = session;
      const possible = readyState === "open" && upgradeState === "none" &&
        polling instanceof PollingTransport;
      if (possible) new Upgrade({ session, polling, socket, timeoutMs });
      else socket.close();
    });
  }

  #poll(incoming: Incoming, { session, polling }: PollingSession): Response {
    const response = polling.poll(session, this.#headers(incoming));
    if (response === undefined) {
      session.end("transport error", { description: new Error("Two polls at once") });
      throw new RequestRefused(3);
    }
    if (session.upgradeState === "probed") polling.release();
    return response;
  }

  async #post(incoming: Incoming, { session, polling }: PollingSession): Promise<Response> {
    const status = await polling.post(incoming.request, session);
    if (status === 200) return new Response("ok", { headers: this.#headers(incoming) });
    if (status === 413) session.refuse("");
    else session.end("transport error");
    // last words come with the poll, and a client takes this answer for the end
    if (session.readyState === "closing") {
      await new Promise<void>((resolve) => session.once("close", () => resolve()));
    }
    throw new RequestRefused(3, { status });
  }

  #headers(incoming: Incoming, initial = false): Headers {
    const headers = corsHeaders(incoming.request, this.options.cors);
    this.options.headers?.(headers, this.#read(incoming), initial);
    return headers;
  }

  #read({ request, url, info }: Incoming): EngineRequest {
    return readRequest(request, { url, info, trustedProxies: this.options.trustProxy });
  }
}

/** Lets frames be read that arrived before a request did: each takes a turn of the event loop. */
async function yieldToFrames(): Promise<void> {
  for (let turn = 0; turn < FRAME_TURNS; turn++) await new Promise((resolve) => setTimeout(resolve, 1));
}
