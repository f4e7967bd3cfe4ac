/** The probe of a WebSocket that wants to take a polling session over. */
import type { PollingTransport } from "./polling.ts";
import type { Session } from "./session.ts";
import type { FrameReceiver, WebSocketTransport } from "./websocket.ts";

/**
 * Waits for `"2probe"`, answers `"3probe"`, lets the client's polls end, and on `"5"` moves the session. Whatever
 * else comes, or `timeoutMs`, closes the WebSocket and leaves the session to its polling.
 */
export class Upgrade implements FrameReceiver {
  readonly #session: Session;
  readonly #polling: PollingTransport;
  readonly #socket: WebSocketTransport;
  readonly #timer: ReturnType<typeof setTimeout>;
  readonly #abandon = (): void => this.#fail();

  constructor({ session, polling, socket, timeoutMs }: {
    session: Session;
    polling: PollingTransport;
    socket: WebSocketTransport;
    timeoutMs: number;
  }) {
    this.#session = session;
    this.#polling = polling;
    this.#socket = socket;
    this.#timer = setTimeout(this.#abandon, timeoutMs);
    session.upgradeState = "probing";
    session.on("close", this.#abandon);
    socket.connect(this);
  }

  receive(frame: string | ArrayBuffer): void {
    if (frame === "2probe") {
      this.#socket.offer("3probe");
      this.#session.upgradeState = "probed";
      this.#session.emit("upgrading", this.#socket);
      this.#polling.release();
    } else if (frame === "5" && this.#session.upgradeState === "probed") {
      this.#settle();
      this.#socket.connect(this.#session);
      this.#session.upgrade(this.#socket);
    } else this.#fail();
  }

  lost(): void {
    this.#fail();
  }

  #fail(): void {
    this.#settle();
    if (this.#session.upgradeState !== "done") this.#session.upgradeState = "none";
    this.#socket.close();
  }

  #settle(): void {
    clearTimeout(this.#timer);
    this.#session.off("close", this.#abandon);
  }
}
