/** The WebSocket transport. Its message and send paths run for every event of every client: nothing is made on them. */
import type { Farewell, Frame, Queued, Transport } from "./transport.ts";

/** What is handed to Deno while the client does not read; more waits in the session, where it can be dropped. */
const HIGH_WATER_BYTES = 262_144;

/** Who receives the frames of a WebSocket: a session, or an upgrade that is being probed. */
export interface FrameReceiver {
  receive(frame: string | ArrayBuffer): void;
  /** The connection is gone; `error` when it did not end by a close frame. */
  lost(error?: Error): void;
}

/** Frames over a socket of `Deno.upgradeWebSocket`. It listens itself, as functions would be made for each connection. */
export class WebSocketTransport implements Transport, EventListenerObject {
  readonly name = "websocket";
  readonly #socket: WebSocket;
  readonly #highWater: number;
  /** Never less than what Deno holds: asking Deno costs, so it is asked only when this passes the mark. */
  #estimate = 0;
  #receiver: FrameReceiver | undefined;
  #opened: ((transport: WebSocketTransport) => void) | undefined;

  /** `opened` is called once, when frames can be sent. */
  constructor(socket: WebSocket, { sendBufferBytes, opened }: {
    sendBufferBytes: number;
    opened: (transport: WebSocketTransport) => void;
  }) {
    this.#socket = socket;
    this.#highWater = Math.min(HIGH_WATER_BYTES, sendBufferBytes);
    this.#opened = opened;
    for (const type of ["open", "message", "close"]) socket.addEventListener(type, this);
  }

  /** Called by the socket. */
  handleEvent(event: Event): void {
    if (event.type === "message") this.#receiver?.receive((event as MessageEvent).data);
    else if (event.type === "open") {
      this.#opened?.(this);
      this.#opened = undefined;
    } else {
      this.#receiver?.lost((event as CloseEvent).wasClean ? undefined : new Error("Connection lost"));
    }
  }

  /** Directs what arrives to `receiver`. */
  connect(receiver: FrameReceiver): void {
    this.#receiver = receiver;
  }

  get writable(): boolean {
    return this.#hasRoom();
  }

  get bufferedBytes(): number {
    return this.#estimate = this.#socket.bufferedAmount;
  }

  #hasRoom(): boolean {
    return this.#estimate < this.#highWater || this.bufferedBytes < this.#highWater;
  }

  offer(frame: Frame): boolean {
    if (!this.#hasRoom()) return false;
    this.#estimate += frame.length;
    this.#socket.send(frame as string);
    return true;
  }

  flush(queue: readonly Queued[]): number {
    let taken = 0;
    while (taken < queue.length && this.offer(queue[taken]!.frame)) taken++;
    return taken;
  }

  close({ last = [], code = 1000 }: Farewell = {}): boolean {
    for (const { frame } of last) this.#socket.send(frame as string);
    // the peer may never answer, and what is held here must not wait for it
    this.#receiver = undefined;
    this.#socket.close(code);
    return true;
  }
}
