/** The refusals of Engine.IO: code, message and HTTP status, and the response that carries them. */

/** The codes of the Engine.IO protocol. */
export type RefusalCode = 0 | 1 | 2 | 3 | 4 | 5;

/** Why each code is sent. */
export const REFUSALS: Readonly<Record<RefusalCode, string>> = {
  0: "Transport unknown",
  1: "Session ID unknown",
  2: "Bad handshake method",
  3: "Bad request",
  4: "Forbidden",
  5: "Unsupported protocol version",
};

/** A request that is not served: 403 for code 4, else 400, unless `status` says otherwise. */
export class RequestRefused extends Error {
  readonly code: RefusalCode;
  readonly status: number;

  constructor(code: RefusalCode, { message = REFUSALS[code], status = code === 4 ? 403 : 400 }: {
    message?: string;
    status?: number;
  } = {}) {
    super(message);
    this.name = "RequestRefused";
    this.code = code;
    this.status = status;
  }

  /** `{ code, message }` as JSON; makes `headers` its own. */
  toResponse(headers: Headers): Response {
    headers.set("content-type", "application/json");
    return new Response(JSON.stringify({ code: this.code, message: this.message }), {
      status: this.status,
      headers,
    });
  }
}
