/** The long-polling transport: one GET that waits for packets, and one POST at a time that brings them. */
import { encodePacket } from "engine.io-parser";
import type { Farewell, Frame, Queued, Transport } from "./transport.ts";

const SEPARATOR = "\x1e";
const CLOSE = "1", NOOP = "6";
const encoder = new TextEncoder();

/** The session above, as this transport sees it. */
export interface PollingReceiver {
  readonly readyState: "open" | "closing" | "closed";
  receive(frame: string | Uint8Array<ArrayBuffer>): void;
  lost(error?: Error): void;
  /** A poll waits. */
  flush(): void;
}

/** Frames over HTTP requests. */
export class PollingTransport implements Transport {
  readonly name = "polling";
  readonly bufferedBytes = 0;
  readonly #maxPayload: number;
  readonly #bodyTimeoutMs: number;
  /** Answers the poll that waits. */
  #answer: ((payload: string) => void) | undefined;
  #body: ReadableStreamDefaultReader<Uint8Array<ArrayBuffer>> | undefined;

  constructor({ maxPayload, bodyTimeoutMs }: { maxPayload: number; bodyTimeoutMs: number }) {
    this.#maxPayload = maxPayload;
    this.#bodyTimeoutMs = bodyTimeoutMs;
  }

  get writable(): boolean {
    return this.#answer !== undefined;
  }

  offer(): boolean {
    return false;
  }

  flush(queue: readonly Queued[]): number {
    if (!this.writable) return 0;
    this.#respond(queue.map(({ frame }) => encodeFrame(frame)).join(SEPARATOR));
    return queue.length;
  }

  close({ quiet = false }: Farewell = {}): boolean {
    this.#body?.cancel().catch(() => {});
    return this.#respond(quiet ? NOOP : CLOSE);
  }

  /** Ends a waiting poll with a packet that means nothing, so that the client can go on to a WebSocket. */
  release(): void {
    this.#respond(NOOP);
  }

  #respond(payload: string): boolean {
    const answer = this.#answer;
    this.#answer = undefined;
    answer?.(payload);
    return answer !== undefined;
  }

  /** Serves a GET; undefined when another one waits already, which is a fault of the client. */
  poll(receiver: PollingReceiver, headers: Headers): Response | undefined {
    if (this.#answer !== undefined) return undefined;
    headers.set("content-type", "text/plain; charset=UTF-8");
    headers.set("cache-control", "no-store");
    let payload: string | undefined;
    this.#answer = (present) => payload = present;
    receiver.flush();
    if (payload !== undefined) return new Response(payload, { headers });
    // the cancelling of a stream is the one sign of a client that went away which Deno gives while a request waits
    let answer: (payload: string) => void;
    const body = new ReadableStream({
      start: (controller) => {
        this.#answer = answer = (present) => {
          controller.enqueue(encoder.encode(present));
          controller.close();
        };
      },
      cancel: () => {
        if (this.#answer !== answer) return;
        this.#answer = undefined;
        receiver.lost();
      },
    });
    return new Response(body, { headers });
  }

  /** Serves a POST: answers its HTTP status once every packet was received. The session is over unless it is 200. */
  async post(request: Request, receiver: PollingReceiver): Promise<number> {
    if (this.#body !== undefined) return 400;
    if (Number(request.headers.get("content-length")) > this.#maxPayload) return 413;
    if (request.body === null) return 400;
    const body = this.#body = request.body.getReader();
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      body.cancel().catch(() => {});
    }, this.#bodyTimeoutMs);
    try {
      const payload = await readText(body, this.#maxPayload);
      if (late) return 408;
      if (payload === undefined) return 413;
      return receivePayload(payload, receiver) ? 200 : 400;
    } catch {
      return 400; // the client went away in the middle
    } finally {
      clearTimeout(timer);
      this.#body = undefined;
    }
  }
}

async function readText(
  body: ReadableStreamDefaultReader<Uint8Array<ArrayBuffer>>,
  maxBytes: number,
): Promise<string | undefined> {
  const decoder = new TextDecoder();
  let text = "", size = 0;
  for (let chunk = await body.read(); !chunk.done; chunk = await body.read()) {
    size += chunk.value.byteLength;
    if (size > maxBytes) {
      body.cancel().catch(() => {});
      return undefined;
    }
    text += decoder.decode(chunk.value, { stream: true });
  }
  return text + decoder.decode();
}

/** Passes on packet by packet, as one may close the session; answers whether all of them were sound. */
function receivePayload(payload: string, receiver: PollingReceiver): boolean {
  for (let start = 0; start <= payload.length;) {
    const separator = payload.indexOf(SEPARATOR, start);
    const end = separator < 0 ? payload.length : separator;
    const packet = payload.slice(start, end);
    receiver.receive(packet.startsWith("b") ? decodeBytes(packet.slice(1)) : packet);
    if (receiver.readyState === "closed") return packet === CLOSE;
    start = end + 1;
  }
  return true;
}

/** The bytes, or a packet that is none when the text is no base64. */
function decodeBytes(base64: string): Uint8Array<ArrayBuffer> | "" {
  try {
    return Uint8Array.fromBase64(base64);
  } catch {
    return "";
  }
}

function encodeFrame(frame: Frame): string {
  if (typeof frame === "string") return frame;
  let encoded = "";
  encodePacket({ type: "message", data: frame }, false, (text) => encoded = text);
  return encoded;
}
