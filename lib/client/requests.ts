/**
 * What the app sends: a bounded outbox while there is no session, and the acknowledgements that are outstanding.
 * Each request goes out once or fails with a reason; none is sent again.
 */
import type { Code } from "../protocol/codes.ts";
import type { Clock } from "./clock.ts";

/**
 * Why a request failed on this side of the wire: `timeout` — sent, and not answered in time · `expired` — not sent in
 * time · `disconnected` — the connection ended before it was sent, or after and before the answer · `outbox-full` ·
 * `aborted` — by its signal · `unsendable` — the payload cannot be put into a message · `bad-answer` — the answer has
 * not the shape of the contract · `no-token` — `getToken` failed when the session's token ran out.
 */
export type ClientCode =
  | "timeout"
  | "expired"
  | "disconnected"
  | "outbox-full"
  | "aborted"
  | "unsendable"
  | "bad-answer"
  | "no-token";

/**
 * A request that failed, with the server's code or one of this side.
 *
 * ```ts
 * import { getConnection, RequestError } from "@tether/tether/client";
 *
 * try {
 *   await getConnection({ getToken: () => null }).request("usage", { model: "m1" });
 * } catch (error) {
 *   if (error instanceof RequestError && error.code === "disconnected") console.log("It may have arrived");
 * }
 * ```
 */
export class RequestError extends Error {
  /** Always `RequestError`. */
  override readonly name = "RequestError";
  /** The server's code, or this side's. */
  readonly code: Code | ClientCode;
  /** Milliseconds before which the server wants no other try. */
  readonly retryAfterMs: number | undefined;

  /** For those who fake a connection. */
  constructor(
    code: Code | ClientCode,
    message: string,
    options: ErrorOptions & { retryAfterMs?: number } = {},
  ) {
    super(message, options);
    this.code = code;
    this.retryAfterMs = options.retryAfterMs;
  }
}

/** Bounds of the outbox. */
export interface OutboxLimits {
  /** Most messages that wait. @default 100 */
  maxCount?: number;
  /** Most bytes that wait, counted as JSON and raw binary. @default 262144 */
  maxBytes?: number;
}

/** Options of one request. */
export interface RequestOptions {
  /** From the call to the answer, the wait in the outbox included, in milliseconds. @default the connection's */
  timeoutMs?: number;
  /** Gives the request up. One that was sent may still take effect. */
  signal?: AbortSignal;
}

interface RequestsOptions {
  clock: Clock;
  limits: Required<OutboxLimits>;
  /** Sends on the open line; `answered` gets the raw acknowledgement. */
  emit(event: string, payload: unknown, answered?: (answer: unknown) => void): void;
}

/** Message to send, and how it ended. */
interface Message {
  event: string;
  payload: unknown;
  bytes: number;
  acked: boolean;
  resolve(answer: unknown): void;
  reject(error: RequestError): void;
}

export interface SubmitOptions extends RequestOptions {
  timeoutMs: number;
  /** Whether to wait for an acknowledgement. */
  acked: boolean;
  /** Goes out although the gate is not open yet. */
  ahead?: boolean;
}

/** The app's messages on their way. */
interface Outgoing {
  /** Sends now or when the gate opens; resolves with the answer's fields, or at once when sent if `acked` is false. */
  submit(event: string, payload: unknown, options: SubmitOptions): Promise<unknown>;
  /** A session is ready: what waits goes out, in order. */
  open(): void;
  /** The line is gone: what was sent fails, what waits goes on waiting. */
  close(): void;
  /** There will be no line: what waits fails too. */
  fail(message: string): void;
}

/** Starts with the gate closed. */
export function createRequests({ clock, limits, emit }: RequestsOptions): Outgoing {
  const waiting = new Set<Message>();
  const sent = new Set<Message>();
  let waitingBytes = 0;
  let open = false;

  function forget(message: Message): void {
    if (waiting.delete(message)) waitingBytes -= message.bytes;
    sent.delete(message);
  }

  function transmit(message: Message): void {
    forget(message);
    try {
      if (!message.acked) {
        emit(message.event, message.payload);
        return message.resolve(undefined);
      }
      sent.add(message);
      emit(message.event, message.payload, (answer) => {
        if (sent.has(message)) settle(message, answer);
      });
    } catch (cause) {
      rejectUnsendable(message, cause);
    }
  }

  function enqueue(message: Message): void {
    try {
      message.bytes = sizeOf(message.payload);
    } catch (cause) {
      return rejectUnsendable(message, cause);
    }
    if (waiting.size >= limits.maxCount || waitingBytes + message.bytes > limits.maxBytes) {
      const text = `Cannot send '${message.event}': ${waiting.size} messages of ${waitingBytes} bytes wait`;
      return message.reject(new RequestError("outbox-full", text));
    }
    waiting.add(message);
    waitingBytes += message.bytes;
  }

  return {
    submit(event, payload, { timeoutMs, signal, acked, ahead }) {
      return new Promise((resolve, reject) => {
        const cancelTimer = clock.after(timeoutMs, () => {
          const [code, what] = waiting.has(message)
            ? ["expired", "sent"] as const
            : ["timeout", "answered"] as const;
          message.reject(new RequestError(code, `'${event}' was not ${what} within ${timeoutMs} ms`));
        });
        const onAbort = () =>
          message.reject(new RequestError("aborted", `'${event}' was aborted`, { cause: signal?.reason }));
        const done = () => {
          forget(message);
          cancelTimer();
          signal?.removeEventListener("abort", onAbort);
        };
        const message: Message = {
          event,
          payload,
          acked,
          bytes: 0,
          resolve(answer) {
            done();
            resolve(answer);
          },
          reject(error) {
            done();
            reject(error);
          },
        };
        signal?.addEventListener("abort", onAbort, { once: true });
        if (signal?.aborted) onAbort();
        else if (open || ahead) transmit(message);
        else enqueue(message);
      });
    },
    open() {
      open = true;
      for (const message of [...waiting]) {
        if (!open) break; // sending one may have found the line dead
        if (waiting.has(message)) transmit(message);
      }
    },
    close() {
      open = false;
      for (const message of [...sent]) {
        const text =
          `The connection was lost before '${message.event}' was answered; it may have taken effect`;
        message.reject(new RequestError("disconnected", text));
      }
    },
    fail(why) {
      for (const message of [...waiting]) {
        message.reject(new RequestError("disconnected", `'${message.event}' was not sent: ${why}`));
      }
    },
  };
}

function rejectUnsendable({ event, reject }: Message, cause: unknown): void {
  reject(new RequestError("unsendable", `Cannot send '${event}': ${cause}`, { cause }));
}

function settle(message: Message, answer: unknown): void {
  const { ok, error, ...fields } = Object(answer) as Record<string, unknown>;
  if (typeof ok !== "boolean") {
    const text = `'${message.event}' was not answered as the contract says`;
    return message.reject(new RequestError("bad-answer", text));
  }
  if (ok) return message.resolve(fields);
  const { code, message: text, retryAfterMs } = Object(error) as Record<string, unknown>;
  message.reject(
    new RequestError(
      (typeof code === "string" ? code : "server/unavailable") as Code,
      typeof text === "string" ? text : `'${message.event}' failed`,
      typeof retryAfterMs === "number" ? { retryAfterMs } : {},
    ),
  );
}

/** Bytes of `payload` as JSON, with what is binary in it counted raw, as Socket.IO sends it. */
function sizeOf(payload: unknown): number {
  let binary = 0;
  const json = JSON.stringify(payload, (_, value) => {
    if (!(ArrayBuffer.isView(value) || value instanceof ArrayBuffer)) return value;
    binary += value.byteLength;
    return 0;
  }) ?? "";
  return binary + new TextEncoder().encode(json).byteLength;
}
