/** The engine's settings: what may be set, the defaults, and the one check of both. It reads no environment. */
import type { EngineRequest } from "./request.ts";

/** The two transports of Engine.IO 4 that an HTTP/1.1 server can offer. */
export type TransportName = "polling" | "websocket";

/** Who may call from a browser page of another origin. */
export interface CorsOptions {
  /** `"same-origin"` (the default), `"*"`, or a list of origins such as `"https://app.example"`. */
  origins?: "same-origin" | "*" | readonly string[];
  /** Allows cookies; needs an explicit list of origins. Default `false`. */
  credentials?: boolean;
}

/** A handshake refused by `allowRequest`. */
export interface Refusal {
  /** Sent to the client beside code 4. */
  message: string;
  /** The HTTP status; default 403. */
  status?: number;
}

/** What `createEngine` takes. Every field has a default. */
export interface EngineOptions {
  /** The only path served; a final slash is optional to clients. Default `"/engine.io/"`. */
  path?: string;
  /** From one pong to the next ping, in milliseconds. Default 25,000. */
  pingIntervalMs?: number;
  /** How long a pong may take, in milliseconds. Default 20,000. */
  pingTimeoutMs?: number;
  /** How long an upgrade to WebSocket may take, in milliseconds. Default 10,000. */
  upgradeTimeoutMs?: number;
  /** How long a session that is being closed may take to hand over what is buffered, in milliseconds. Default 5,000. */
  closeTimeoutMs?: number;
  /** How long the body of a POST may take to arrive, in milliseconds. Default 10,000. */
  bodyTimeoutMs?: number;
  /** The largest message or POST body accepted, in bytes. Default 1,000,000. */
  maxPayload?: number;
  /** How many frames of any kind a client may send, taken over 20 seconds. Default 1,000; 0: no limit. */
  framesPerSecond?: number;
  /** What may wait for one client before it counts as too slow, in bytes. Default 1,000,000. */
  sendBufferBytes?: number;
  /** Default both. */
  transports?: readonly TransportName[];
  /** Default: pages of the same origin only. Clients that send no `Origin` are not browsers and are not checked. */
  cors?: CorsOptions;
  /**
   * How many reverse proxies stand in front and append to `X-Forwarded-For`; `true` means one. Default `false`:
   * the forwarding headers are not believed.
   */
  trustProxy?: boolean | number;
  /** Asked before every new session; a {@linkcode Refusal} turns the client away with code 4. */
  allowRequest?: (request: EngineRequest) => Refusal | undefined | Promise<Refusal | undefined>;
  /**
   * May add to the headers of every polling response, for instance a sticky-session cookie when `initial` is true.
   * A WebSocket handshake cannot carry any: Deno makes that response.
   */
  headers?: (headers: Headers, request: EngineRequest, initial: boolean) => void;
}

/** The options once checked, every default filled in. */
export interface ResolvedOptions
  extends Required<Omit<EngineOptions, "cors" | "allowRequest" | "headers" | "trustProxy">> {
  cors: Required<CorsOptions>;
  /** Number of trusted proxies; 0 for none. */
  trustProxy: number;
  allowRequest: EngineOptions["allowRequest"];
  headers: EngineOptions["headers"];
}

const MAX_TIMER_MS = 2 ** 31 - 1;

/** Fills in the defaults. Throws a `TypeError` or `RangeError` that names the option, its rule and its value. */
export function resolveOptions(options: EngineOptions): ResolvedOptions {
  const {
    path = "/engine.io/",
    pingIntervalMs = 25_000,
    pingTimeoutMs = 20_000,
    upgradeTimeoutMs = 10_000,
    closeTimeoutMs = 5_000,
    bodyTimeoutMs = 10_000,
    maxPayload = 1_000_000,
    framesPerSecond = 1000,
    sendBufferBytes = 1_000_000,
    transports = ["polling", "websocket"],
    cors: { origins = "same-origin", credentials = false } = {},
    trustProxy = false,
    allowRequest,
    headers,
  } = options;
  if (typeof path !== "string" || !path.startsWith("/")) {
    throw new TypeError(
      `Cannot create an engine as 'path' must start with "/": current value is ${shown(path)}`,
    );
  }
  const durations = { pingIntervalMs, pingTimeoutMs, upgradeTimeoutMs, closeTimeoutMs, bodyTimeoutMs };
  for (const [name, value] of Object.entries(durations)) requireInteger(name, value, 1, MAX_TIMER_MS);
  requireInteger("framesPerSecond", framesPerSecond, 0, MAX_TIMER_MS);
  for (const [name, value] of Object.entries({ maxPayload, sendBufferBytes })) {
    requireInteger(name, value, 1, Number.MAX_SAFE_INTEGER);
  }
  const known = transports.every((name) => name === "polling" || name === "websocket");
  if (transports.length === 0 || !known || new Set(transports).size < transports.length) {
    throw new TypeError(
      `Cannot create an engine as 'transports' must name "polling", "websocket" or both: current value is ${
        shown(transports)
      }`,
    );
  }
  requireInteger("trustProxy", Number(trustProxy), 0, 100);
  return {
    path: path.endsWith("/") ? path : `${path}/`,
    ...{ pingIntervalMs, pingTimeoutMs, upgradeTimeoutMs, closeTimeoutMs, bodyTimeoutMs },
    ...{ maxPayload, sendBufferBytes, transports, allowRequest, headers },
    cors: { origins: checkedOrigins(origins, credentials), credentials },
    trustProxy: Number(trustProxy),
    framesPerSecond: framesPerSecond || Infinity,
  };
}

function checkedOrigins(
  origins: Required<CorsOptions>["origins"],
  credentials: boolean,
): Required<CorsOptions>["origins"] {
  if (typeof origins === "string") {
    if (origins !== "same-origin" && origins !== "*") {
      throw new TypeError(
        `Cannot create an engine as 'cors.origins' must be "same-origin", "*" or a list: current value is ${
          shown(origins)
        }`,
      );
    }
    if (origins === "*" && credentials) {
      throw new TypeError(
        `Cannot create an engine as 'cors.credentials' needs explicit origins: current value is "*"`,
      );
    }
    return origins;
  }
  for (const origin of origins) {
    if (!URL.canParse(origin) || new URL(origin).origin !== origin) {
      throw new TypeError(
        `Cannot create an engine as 'cors.origins' must hold origins such as "https://app.example": current value is ${
          shown(origin)
        }`,
      );
    }
  }
  return origins;
}

function requireInteger(name: string, value: number, min: number, max: number): void {
  if (!Number.isInteger(value) || value < min || value > max) {
    throw new RangeError(
      `Cannot create an engine as '${name}' must be a whole number of ${min} to ${max}: current value is ${
        shown(value)
      }`,
    );
  }
}

function shown(value: unknown): string {
  return typeof value === "number" ? String(value) : JSON.stringify(value);
}
