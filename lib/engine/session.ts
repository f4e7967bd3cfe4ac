/**
 * One Engine.IO session: its state, its queue and its events, whatever transport carries it.
 * It knows nothing of HTTP, origins or other sessions.
 */
import { decodePacket } from "engine.io-parser";
import { Emitter } from "./emitter.ts";
import type { Beating, Heartbeat } from "./heartbeat.ts";
import type { ResolvedOptions } from "./options.ts";
import type { Pressed, Pressure } from "./backpressure.ts";
import type { PollingReceiver } from "./polling.ts";
import type { EngineRequest } from "./request.ts";
import type { BinaryOrText, CloseReason, EngineSocket, SocketEvents, WriteOptions } from "./socket.ts";
import type { Farewell, Frame, Queued, Transport } from "./transport.ts";
import type { FrameReceiver } from "./websocket.ts";

/** What a session needs of its engine. */
export interface Host {
  readonly options: ResolvedOptions;
  readonly heartbeat: Heartbeat;
  readonly pressure: Pressure;
  /** `"4" + data`, made once for all the receivers of a broadcast. */
  messageFrame(data: string): string;
  closed(session: Session): void;
}

const PING = "2";
const CLOSE = 0x31, PONG = 0x33, MESSAGE = 0x34, NOOP = 0x36;
/** How long a buffer may stay over its bound: a burst made in one turn of the event loop needs a moment to leave. */
const OVERFLOW_GRACE_MS = 250;
/**
 * How long a client must be silent after the last words before its WebSocket is closed. A connection that is closed while
 * the client is still sending is reset, and what the client had not read by then is lost to it. A client that hears the
 * goodbye closes sooner, and one that never falls silent is given `closeTimeoutMs`.
 */
const LINGER_MS = 50;
/** Over how long the rate of frames is taken: what a client sends after a pause comes in one burst. */
const RATE_SECONDS = 20;
/** How much of a message is shown that is too large. */
const MAX_HEAD_LENGTH = 200;
/** No grace past this many times the bound. */
const HARD_BOUND_FACTOR = 4;

/** The events of every single frame. */
const TAPS: ReadonlySet<keyof SocketEvents> = new Set(["packet", "packetCreate", "flush", "drain"] as const);

const encoder = new TextEncoder();

/** A client's session. Made by the engine; its owner sees the {@linkcode EngineSocket} of it. */
export class Session extends Emitter<SocketEvents>
  implements EngineSocket, Beating, Pressed, FrameReceiver, PollingReceiver {
  readonly id: string;
  readonly protocol = 4;
  readonly request: EngineRequest;
  readonly remoteAddress: string;
  readyState: "open" | "closing" | "closed" = "open";
  transport: Transport;
  /** Where an upgrade stands; there is at most one in a session's life. */
  upgradeState: "none" | "probing" | "probed" | "done" = "none";
  dueAt = 0;
  /** Whether somebody has listened to the events of every frame: while nobody has, they cost no look-up. */
  #isTapped = false;
  /** Whether the client has sent a message since it was last looked at, while the session closes. */
  #isHeard = false;
  /** Frames since then, in whole seconds: kept small, for every idle session has it. */
  #frames = 0;
  #framesSince = nowSeconds();
  readonly #host: Host;
  #queue: Queued[] = [];
  #queuedBytes = 0;
  #flushScheduled = false;
  /** Since when the buffer is over its bound; 0 while it is not. */
  #overSince = 0;
  #closeReason: CloseReason = "forced close";
  #closeTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(id: string, { host, request, transport }: {
    host: Host;
    request: EngineRequest;
    transport: Transport;
  }) {
    super();
    this.id = id;
    this.request = request;
    this.remoteAddress = request.remoteAddress;
    this.transport = transport;
    this.#host = host;
  }

  override on<Name extends keyof SocketEvents>(
    event: Name,
    listener: (...args: SocketEvents[Name]) => void,
  ): this {
    if (TAPS.has(event)) this.#isTapped = true;
    return super.on(event, listener);
  }

  #taps(event: keyof SocketEvents): boolean {
    return this.#isTapped && this.listens(event);
  }

  /** Sends the handshake and starts the heartbeat. The engine calls it once. */
  open(): void {
    const { options } = this.#host;
    const upgrades = this.transport.name === "polling" && options.transports.includes("websocket")
      ? ["websocket"]
      : [];
    this.#enqueue(
      "0" + JSON.stringify({
        sid: this.id,
        upgrades,
        pingInterval: options.pingIntervalMs,
        pingTimeout: options.pingTimeoutMs,
        maxPayload: options.maxPayload,
      }),
    );
    this.flush();
    this.#host.heartbeat.rest(this);
  }

  get bufferedBytes(): number {
    return this.#queuedBytes + this.transport.bufferedBytes;
  }

  write(data: BinaryOrText, options?: WriteOptions | null, sent?: () => void): this {
    if (this.readyState !== "open") return this;
    const frame = typeof data === "string" ? this.#host.messageFrame(data) : toBytes(data);
    if (this.#taps("packetCreate")) {
      this.emit("packetCreate", { type: "message", data, options: { compress: false, ...options } });
    }
    this.#enqueue(frame, sent);
    return this;
  }

  send(data: BinaryOrText, options?: WriteOptions | null, sent?: () => void): this {
    return this.write(data, options, sent);
  }

  close(discard = false): void {
    if (discard) return this.end("forced close");
    if (this.readyState !== "open") return;
    this.readyState = "closing";
    if (this.transport.name === "websocket") {
      this.#sent(this.#queue.splice(0, this.transport.flush(this.#queue)));
      return this.#linger(performance.now() + this.#host.options.closeTimeoutMs);
    }
    if (this.#finish()) return;
    this.#closeTimer = setTimeout(() => this.end(this.#closeReason), this.#host.options.closeTimeoutMs);
  }

  #linger(untilMs: number): void {
    this.#isHeard = false;
    this.#closeTimer = setTimeout(() => {
      if (this.#isHeard && performance.now() < untilMs) this.#linger(untilMs);
      else this.#finish();
    }, LINGER_MS);
  }

  /** Takes a frame from the transport. */
  receive(frame: string | ArrayBuffer | Uint8Array<ArrayBuffer>): void {
    if (this.readyState === "closed") return;
    const { maxPayload, framesPerSecond } = this.#host.options;
    if (++this.#frames > RATE_SECONDS * framesPerSecond && this.#isTooFast()) {
      return this.end("too many frames", { code: 1008 });
    }
    if (!withinBytes(frame, maxPayload)) {
      const isText = typeof frame === "string" && frame.charCodeAt(0) === MESSAGE;
      return this.refuse(isText ? frame.slice(1, MAX_HEAD_LENGTH) : "");
    }
    if (this.#taps("packet")) this.emit("packet", decodePacket(frame));
    if (typeof frame !== "string") {
      if (this.readyState === "open") {
        this.emit("data", frame instanceof Uint8Array ? frame : new Uint8Array(frame));
      }
      return;
    }
    switch (frame.charCodeAt(0)) {
      case MESSAGE:
        if (this.readyState === "open") this.emit("data", frame.slice(1));
        else this.#isHeard = true;
        return;
      case PONG:
        if (!this.#host.heartbeat.owes(this)) return;
        this.#host.heartbeat.rest(this);
        return this.emit("heartbeat");
      case CLOSE:
        return this.end("transport close", { quiet: true });
      case NOOP:
        return;
      default:
        return this.end("parse error", { code: 1002 });
    }
  }

  /** Asked when as many frames have come as may come in {@linkcode RATE_SECONDS}. */
  #isTooFast(): boolean {
    const seconds = nowSeconds() - this.#framesSince;
    this.#frames = 0;
    this.#framesSince += seconds;
    return seconds < RATE_SECONDS;
  }

  /** A message is larger than it may be. */
  refuse(head: string): void {
    if (this.readyState === "open" && this.listens("oversized")) return this.emit("oversized", head);
    this.end("payload too large", { code: 1009 });
  }

  /** The transport's connection is gone. */
  lost(error?: Error): void {
    this.end("transport close", { description: error });
  }

  /** Called by the heartbeat. */
  ping(): void {
    this.#enqueue(PING);
  }

  /** Called by the heartbeat. */
  expire(): void {
    this.end("ping timeout");
  }

  /** Whether the client is gone by the clock; if so the session ends now. */
  checkAlive(): boolean {
    return this.readyState !== "closed" && !this.#host.heartbeat.check(this);
  }

  /** Moves to `transport`; what is queued goes there. */
  upgrade(transport: Transport): void {
    const previous = this.transport;
    this.transport = transport;
    this.upgradeState = "done";
    previous.close({ quiet: true });
    this.emit("upgrade", transport);
    this.flush();
  }

  /** Hands over as much of the queue as the transport takes. */
  flush(): void {
    this.#flushScheduled = false;
    if (this.readyState === "closing") {
      this.#finish();
      return;
    }
    if (this.#queue.length === 0 || this.readyState === "closed") return;
    this.#sent(this.#queue.splice(0, this.transport.flush(this.#queue)));
  }

  /** Called by the pressure watch. */
  relieve(nowMs: number): "relieved" | "moving" | "stuck" {
    if (this.readyState === "closed") return "relieved";
    const before = this.#queuedBytes;
    if (this.transport.name === "websocket") this.flush();
    const { sendBufferBytes } = this.#host.options;
    const buffered = this.bufferedBytes;
    if (buffered > sendBufferBytes) {
      this.#overSince ||= nowMs;
      if (nowMs - this.#overSince >= OVERFLOW_GRACE_MS) this.#slow();
    } else {
      this.#overSince = 0;
      // a polling client fetches its queue itself
      if (this.#queue.length === 0 || this.transport.name === "polling") return "relieved";
    }
    return this.#queuedBytes < before ? "moving" : "stuck";
  }

  /** Ends the session now; what is queued is lost. */
  end(reason: CloseReason, { description, ...farewell }: Farewell & { description?: Error } = {}): void {
    if (this.readyState === "closed") return;
    this.transport.close(farewell);
    this.#over(reason, description);
  }

  #over(reason: CloseReason, description?: Error): void {
    this.readyState = "closed";
    clearTimeout(this.#closeTimer);
    this.#host.heartbeat.stop(this);
    this.#host.pressure.remove(this);
    this.#drop();
    this.#host.closed(this);
    this.emit("close", reason, description);
  }

  /** Hands over the queue, then the goodbye, as far as the transport can take them; answers whether the session is over. */
  #finish(): boolean {
    if (this.#queue.length > 0 && this.transport.name === "polling") {
      // the goodbye has a response of its own: clients drop what comes in the same one
      this.#sent(this.#queue.splice(0, this.transport.flush(this.#queue)));
      return false;
    }
    if (!this.transport.close({ last: this.#queue })) return false;
    this.#sent(this.#queue.splice(0));
    this.#over(this.#closeReason);
    return true;
  }

  #enqueue(frame: Frame, sent?: () => void): void {
    if (this.#queue.length === 0 && this.transport.offer(frame)) {
      if (sent !== undefined) queueMicrotask(sent);
      if (this.#taps("flush")) this.emit("flush", [decodePacket(frame)]);
      if (this.#taps("drain")) this.emit("drain");
      return;
    }
    this.#queue.push({ frame, sent });
    this.#queuedBytes += frame.length;
    const { sendBufferBytes } = this.#host.options;
    if (this.#queuedBytes > HARD_BOUND_FACTOR * sendBufferBytes) return this.#slow();
    if (this.transport.name === "websocket" || this.#queuedBytes > sendBufferBytes) {
      this.#host.pressure.add(this);
    } else if (!this.#flushScheduled && this.transport.writable) {
      // all that is written in this turn goes into one response
      this.#flushScheduled = true;
      queueMicrotask(() => this.flush());
    }
  }

  #sent(taken: readonly Queued[]): void {
    if (taken.length === 0) return;
    for (const { frame, sent } of taken) {
      this.#queuedBytes -= frame.length;
      if (sent !== undefined) queueMicrotask(sent);
    }
    if (this.#taps("flush")) this.emit("flush", taken.map(({ frame }) => decodePacket(frame)));
    if (this.#queue.length === 0) this.emit("drain");
  }

  /** Makes room for a last word, lets the owner say it, and closes. */
  #slow(): void {
    if (this.readyState !== "open" || this.#closeReason === "slow consumer") return;
    const { bufferedBytes } = this;
    this.#drop();
    this.#closeReason = "slow consumer";
    this.emit("slow", bufferedBytes);
    this.close();
  }

  #drop(): void {
    this.#queue = [];
    this.#queuedBytes = 0;
  }
}

function nowSeconds(): number {
  return Math.floor(performance.now() / 1000);
}

function toBytes(data: ArrayBuffer | ArrayBufferView<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  if (data instanceof Uint8Array) return data as Uint8Array<ArrayBuffer>;
  return data instanceof ArrayBuffer
    ? new Uint8Array(data)
    : new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}

/** Whether `frame` has at most `max` bytes; counts them only when the length leaves it open. */
function withinBytes(frame: string | ArrayBuffer | Uint8Array, max: number): boolean {
  if (typeof frame !== "string") return frame.byteLength <= max;
  if (frame.length * 3 <= max) return true;
  return frame.length <= max && encoder.encode(frame).byteLength <= max;
}
