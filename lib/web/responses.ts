/** Answers of the HTTP endpoints: JSON, and errors as `{ error: { code, message } }` (contract §6). */
import { HttpError } from "fresh";
import { readBounded, SlowBodyError } from "../bounded_body.ts";
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

/**
 * The answer for a failure; what Fresh refuses gets a code too, and any other error says no more than
 * `server/unavailable`. The status is the code's own unless given.
 */
export function errorAnswer(error: unknown, init: { status?: number } = {}): Response {
  const wire = toWireError(error instanceof HttpError ? refusalOf(error) : error);
  const status = init.status ?? statusOf(wire.code), headers = new Headers();
  if (wire.retryAfterMs !== undefined) {
    headers.set("retry-after", String(Math.ceil(wire.retryAfterMs / 1000)));
  }
  if (status === 401) headers.set("www-authenticate", "Bearer");
  return json({ error: wire }, { status, headers });
}

function refusalOf({ status }: HttpError): ProtocolError {
  return status === 403
    ? new ProtocolError("access/denied", "The request comes from another site.")
    : new ProtocolError("access/not-found");
}

const FORM = "application/x-www-form-urlencoded";

/** Whether the body is what a form of a page sends by itself. */
export function isForm(request: Request): boolean {
  return mediaType(request) === FORM;
}

/** The fields of a form, of at most `maxBytes`; throws `request/too-large` or `request/invalid`. */
export async function readForm(request: Request, { maxBytes = 100_000 } = {}): Promise<URLSearchParams> {
  return await read(request, { maxBytes, what: "UTF-8", parse: (text) => new URLSearchParams(text) });
}

/** The JSON body of `request`, of at most `maxBytes`; throws `request/too-large` or `request/invalid`. */
export async function readJson(request: Request, { maxBytes = 100_000 } = {}): Promise<unknown> {
  if (mediaType(request) !== "application/json") {
    throw new ProtocolError("request/invalid", "The body must be JSON, with content-type application/json.");
  }
  return await read(request, { maxBytes, what: "JSON", parse: JSON.parse });
}

function mediaType(request: Request): string | undefined {
  return request.headers.get("content-type")?.split(";", 1)[0]?.trim().toLowerCase();
}

interface ReadOptions<T> {
  maxBytes: number;
  /** What the body is, for the error. */
  what: string;
  parse(text: string): T;
}

async function read<T>(request: Request, { maxBytes, what, parse }: ReadOptions<T>): Promise<T> {
  const tooLarge = new ProtocolError("request/too-large", `The body is larger than ${maxBytes} bytes.`);
  if (Number(request.headers.get("content-length") ?? 0) > maxBytes) throw tooLarge;
  try {
    return parse(await readBounded(request.body, maxBytes));
  } catch (error) {
    if (error instanceof RangeError) throw tooLarge;
    if (error instanceof SlowBodyError) throw new ProtocolError("request/invalid", "The body took too long.");
    throw new ProtocolError("request/invalid", `The body is not valid ${what}.`, { cause: error });
  }
}
