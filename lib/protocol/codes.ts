/**
 * Every code of the wire contract (§2), what it asks of a client, and the error that carries one.
 * A client that knows no code can still do the right thing: it follows `action`.
 */

/** What a client does next: back off and try again, get a new token first, or leave it. */
export type Action = "retry" | "reauth" | "stop";

interface CodeEntry {
  /** Absent on codes that fail one request and leave the session alone. */
  action?: Action;
  /** The sentence sent when the place that raises the code has nothing more exact to say. */
  message: string;
}

/** The codes, each with its action and its default message. */
export const CODES = {
  "auth/missing": { action: "reauth", message: "A token is required." },
  /** The token cannot be read as a JWT, or lacks a claim that is required. */
  "auth/malformed": { action: "reauth", message: "The token cannot be read." },
  /** The signature does not fit: also `alg: none`, an algorithm outside the allow-list, an unknown key. */
  "auth/invalid-signature": { action: "reauth", message: "The token's signature is not valid." },
  "auth/wrong-issuer": { action: "reauth", message: "The token comes from another issuer." },
  "auth/wrong-audience": { action: "reauth", message: "The token is meant for another audience." },
  "auth/expired": { action: "reauth", message: "The token has expired." },
  /** The token, or every token of its user issued until some moment, was revoked. */
  "auth/revoked": { action: "reauth", message: "The token was revoked." },
  /** `nbf` lies ahead of the clock. */
  "auth/not-yet-valid": { action: "retry", message: "The token is not valid yet." },
  /** The key set cannot be fetched and none is cached. */
  "auth/keys-unavailable": { action: "retry", message: "The keys to check tokens cannot be fetched now." },
  /** More connects a second than the node admits. */
  "admission/overloaded": { action: "retry", message: "The server is busy." },
  /** One client connects too often; also ends a session that floods, whose user is then kept out for a moment. */
  "admission/rate-limited": { action: "retry", message: "Too many connections in a short time." },
  /** The user's sessions across the fleet are at the cap. */
  "admission/too-many-sessions": { action: "stop", message: "This user has too many open sessions." },
  /** The node is going away. */
  "server/draining": { action: "retry", message: "The server is restarting." },
  /** A store that is needed is down, or a handler failed. */
  "server/unavailable": { action: "retry", message: "The server cannot do this now." },
  /** On a live session: its token ran out. */
  "session/expired": { action: "reauth", message: "The session's token has expired." },
  /** On a live session: its token or user was revoked. */
  "session/revoked": { action: "reauth", message: "The session's token was revoked." },
  /** An administrator ended the session. */
  "session/ended": { action: "stop", message: "The session was ended." },
  /** The client read too slowly and its send buffer passed the limit. */
  "session/slow": { action: "retry", message: "The connection was too slow." },
  /** The payload does not have the shape of the contract. */
  "request/invalid": { message: "The request is not valid." },
  "request/unknown-event": { message: "This event is not known." },
  /** The session sends more events a second than it may. */
  "request/rate-limited": { message: "Too many requests." },
  "request/too-large": { message: "The request is too large." },
  /** A call was not answered in time. */
  "request/timeout": { message: "There was no answer in time." },
  "request/bad-answer": { message: "The client's answer is not plain JSON." },
  "access/denied": { message: "This is not allowed." },
  /** No such thing, or the user may not know of it. */
  "access/not-found": { message: "Not found." },
} as const satisfies Record<string, CodeEntry>;

/** A code of the contract. */
export type Code = keyof typeof CODES;

/** What `code` asks of a client; `undefined` for codes that fail one request only. */
export function actionOf(code: Code): Action | undefined {
  return (CODES[code] as CodeEntry).action;
}

interface ProtocolErrorOptions extends ErrorOptions {
  /** Milliseconds before which a client must not try again. */
  retryAfterMs?: number;
}

/** A failure that a client is told of, by its code. Its message is safe to send. */
export class ProtocolError extends Error {
  override readonly name = "ProtocolError";
  readonly code: Code;
  readonly retryAfterMs: number | undefined;

  constructor(code: Code, message?: string, options: ProtocolErrorOptions = {}) {
    super(message ?? CODES[code].message, options);
    this.code = code;
    this.retryAfterMs = options.retryAfterMs;
  }
}

/** The wire form of an error in an acknowledgement and in HTTP answers: `{ code, message, retryAfterMs? }`. */
export interface WireError {
  /** What went wrong. */
  code: Code;
  /** A sentence for logs. */
  message: string;
  /** Milliseconds before which the server wants no other try. */
  retryAfterMs?: number;
}

/** `error` as it goes over the wire; whatever is not a {@linkcode ProtocolError} becomes `server/unavailable`. */
export function toWireError(error: unknown): WireError {
  if (!(error instanceof ProtocolError)) {
    return { code: "server/unavailable", message: CODES["server/unavailable"].message };
  }
  const { code, message, retryAfterMs } = error;
  return retryAfterMs === undefined ? { code, message } : { code, message, retryAfterMs };
}
