/** Answers of the HTTP endpoints: JSON, and errors as `{ error: { code, message } }` (contract §6). */
import { readBounded } from "../bounded_body.ts";
import { type Code, ProtocolError, toWireError } from "../protocol/codes.ts";

const STATUS: Partial<Record<Code, number>> = {
  "request/invalid": 400,
  "request/unknown-event": 404,
  "request/rate-limited": 429,
  "request/too-large": 413,
  "request/timeout": 504,
  "request/bad-answer": 502,
  "access/denied": 403,
  "access/not-found": 404,
  "server/unavailable": 503,
  "server/draining": 503,
  "auth/keys-unavailable": 503,
};

/** The HTTP status for `code`; what concerns the token is 401. */
export function statusOf(code: Code): number {
  return STATUS[code] ?? (code.startsWith("auth/") ? 401 : 500);
}

/** A JSON answer that no cache keeps. */
export function json(body: unknown, init: ResponseInit = {}): Response {
  const headers = new Headers(init.headers);
  headers.set("cache-control", "no-store");
  return Response.json(body, { ...init, headers });
}

/** The answer for a failure; one that is not a {@linkcode ProtocolError} says no more than `server/unavailable`. */
export function errorAnswer(error: unknown): Response {
  const wire = toWireError(error);
  const status = statusOf(wire.code), headers = new Headers();
  if (wire.retryAfterMs !== undefined) {
    headers.set("retry-after", String(Math.ceil(wire.retryAfterMs / 1000)));
  }
  if (status === 401) headers.set("www-authenticate", "Bearer");
  return json({ error: wire }, { status, headers });
}

/** The JSON body of `request`, of at most `maxBytes`; throws `request/too-large` or `request/invalid`. */
export async function readJson(request: Request, { maxBytes = 100_000 } = {}): Promise<unknown> {
  const type = request.headers.get("content-type") ?? "";
  if (!/^application\/json\b/i.test(type)) {
    throw new ProtocolError("request/invalid", "The body must be JSON, with content-type application/json.");
  }
  const tooLarge = new ProtocolError("request/too-large", `The body is larger than ${maxBytes} bytes.`);
  if (Number(request.headers.get("content-length") ?? 0) > maxBytes) throw tooLarge;
  try {
    return JSON.parse(await readBounded(request.body, maxBytes));
  } catch (error) {
    if (error instanceof RangeError) throw tooLarge;
    throw new ProtocolError("request/invalid", "The body is not valid JSON.", { cause: error });
  }
}
