/** Engine.IO spoken by hand, with `fetch` and `WebSocket`: what the conformance tests are written in. */

/** A WebSocket whose messages can be awaited one by one. */
export class RawSocket implements AsyncDisposable {
  readonly #socket: WebSocket;
  readonly #messages: (string | ArrayBuffer)[] = [];
  readonly #takers: ((message: string | ArrayBuffer) => void)[] = [];
  /** The close event, once it came. */
  readonly closed: Promise<CloseEvent>;

  constructor(url: string | URL, headers: Record<string, string> = {}) {
    this.#socket = new WebSocket(url, { headers } as unknown as string[]);
    this.#socket.binaryType = "arraybuffer";
    this.#socket.onmessage = ({ data }) => {
      const taker = this.#takers.shift();
      if (taker === undefined) this.#messages.push(data);
      else taker(data);
    };
    this.closed = new Promise((resolve) => this.#socket.onclose = resolve);
  }

  /** The next message. */
  next(): Promise<string | ArrayBuffer> {
    const message = this.#messages.shift();
    return message === undefined
      ? new Promise((resolve) => this.#takers.push(resolve))
      : Promise.resolve(message);
  }

  /** The next message that is not a ping. */
  async nextBeside(ping = "2"): Promise<string | ArrayBuffer> {
    for (;;) {
      const message = await this.next();
      if (message !== ping) return message;
    }
  }

  /** Sends, once the socket is open. */
  send(data: string | Uint8Array<ArrayBuffer>): void {
    if (this.#socket.readyState !== WebSocket.CONNECTING) this.#socket.send(data);
    else this.#socket.addEventListener("open", () => this.#socket.send(data));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#socket.close();
    await this.closed;
  }
}

/** The handshake packet of an engine. */
export interface Handshake {
  sid: string;
  upgrades: string[];
  pingInterval: number;
  pingTimeout: number;
  maxPayload: number;
}

/** Reads the open packet. */
export function handshakeOf(packet: string | ArrayBuffer): Handshake {
  if (typeof packet !== "string" || packet[0] !== "0") throw new Error(`Cannot read a handshake: ${packet}`);
  return JSON.parse(packet.slice(1));
}

/** Opens a WebSocket session and takes its handshake off. */
export async function openWebSocket(base: string): Promise<RawSocket & { readonly handshake: Handshake }> {
  const socket = new RawSocket(`${base}?EIO=4&transport=websocket`);
  return Object.assign(socket, { handshake: handshakeOf(await socket.next()) });
}

/** A polling session. */
export interface Polling {
  readonly handshake: Handshake;
  /** The URL of the session's requests. */
  readonly url: string;
  poll(signal?: AbortSignal): Promise<{ status: number; text: string }>;
  post(body: BodyInit): Promise<{ status: number; text: string }>;
}

/** Opens a polling session. */
export async function openPolling(base: string): Promise<Polling> {
  const handshake = handshakeOf(await (await fetch(`${base}?EIO=4&transport=polling`)).text());
  const url = `${base}?EIO=4&transport=polling&sid=${handshake.sid}`;
  return {
    handshake,
    url,
    poll: (signal) => request(url, { signal }),
    post: (body) => request(url, { method: "POST", body }),
  };
}

/** `fetch`, with the body read. */
export async function request(url: string, init?: RequestInit): Promise<{ status: number; text: string }> {
  const response = await fetch(url, init);
  return { status: response.status, text: await response.text() };
}
