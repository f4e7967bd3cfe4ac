/**
 * The settings (contract §7): the environment in, one typed object out. Nothing else in the project reads the
 * environment, and a value that is not good stops start-up with one message that lists every problem.
 */
import * as v from "valibot";

/** The environment as a plain record. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** Thrown by {@linkcode loadConfig}; `problems` has one sentence for each setting that is not good. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(
      `Cannot start: ${problems.length} setting${problems.length === 1 ? " is" : "s are"} not good\n${
        problems.map((problem) => `  - ${problem}`).join("\n")
      }`,
    );
    this.problems = problems;
  }
}

const TRUE = ["true", "1", "yes", "on"];
const FALSE = ["false", "0", "no", "off"];
const DURATION_UNITS = { s: 1, m: 60, h: 3600, d: 86_400, w: 604_800 } as const;

function text(fallback: string): v.GenericSchema<string | undefined, string> {
  return v.optional(v.pipe(v.string(), v.trim()), fallback);
}

function flag(fallback: boolean): v.GenericSchema<string | undefined, boolean> {
  const values = [...TRUE, ...FALSE];
  return v.pipe(
    v.optional(v.string(), String(fallback)),
    v.trim(),
    v.toLowerCase(),
    v.picklist(values, `must be true or false`),
    v.transform((value) => TRUE.includes(value)),
  );
}

function choice<const Values extends readonly string[]>(
  values: Values,
  fallback: Values[number],
): v.GenericSchema<string | undefined, Values[number]> {
  return v.pipe(
    v.optional(v.string(), fallback),
    v.trim(),
    v.picklist(values, `must be ${values.map((value) => value === "" ? "empty" : value).join(" or ")}`),
  );
}

interface Range {
  min: number;
  max: number;
  /** Whether fractions are good. */
  fraction?: boolean;
}

function number(
  fallback: number,
  { min, max, fraction = false }: Range,
): v.GenericSchema<string | undefined, number> {
  const message = `must be a ${fraction ? "" : "whole "}number from ${min} to ${max}`;
  return v.pipe(
    v.optional(v.string(), String(fallback)),
    v.trim(),
    v.regex(fraction ? /^\d+(\.\d+)?$/ : /^\d+$/, message),
    v.transform(Number),
    v.minValue(min, message),
    v.maxValue(max, message),
  );
}

function url(protocols: readonly string[]): v.GenericSchema<string | undefined, string> {
  return v.pipe(
    text(""),
    v.check(
      (value) => value === "" || (URL.canParse(value) && protocols.includes(new URL(value).protocol)),
      `must be a URL that starts with ${protocols.map((protocol) => `${protocol}//`).join(" or ")}`,
    ),
  );
}

/** Seconds: `90s`, `15m`, `12h`, `7d`, `4w`, a plain number of seconds, or `-1` for "never", which becomes `null`. */
function lifetime(fallback: string): v.GenericSchema<string | undefined, number | null> {
  return v.pipe(
    v.optional(v.string(), fallback),
    v.trim(),
    v.regex(
      /^(-1|[1-9]\d*[smhdw]?)$/,
      "must be a duration such as 90s, 15m, 12h, 7d or 4w, or -1 for no end",
    ),
    v.transform((value) => {
      if (value === "-1") return null;
      const unit = value.at(-1) as keyof typeof DURATION_UNITS;
      return parseInt(value, 10) * (DURATION_UNITS[unit] ?? 1);
    }),
  );
}

const origins = v.pipe(
  text(""),
  v.transform((value) => value.split(";").map((origin) => origin.trim()).filter((origin) => origin !== "")),
  v.check(
    (list) =>
      list.every((origin) => origin === "*" || (URL.canParse(origin) && new URL(origin).origin === origin)),
    "must be origins such as https://example.org separated by ';', or *",
  ),
);

const algorithms = v.pipe(
  text(""),
  v.transform((value) => value.split(/[\s,;]+/).filter((name) => name !== "")),
  v.check(
    (list) => list.every((name) => /^(HS|RS|PS|ES)(256|384|512)$|^EdDSA$|^Ed25519$/.test(name)),
    "must name signature algorithms such as HS256, RS256, PS256, ES256 or EdDSA",
  ),
);

const SETTINGS = v.object({
  PORT: number(8000, { min: 0, max: 65_535 }),
  HOST: text(""),
  TRUST_PROXY: flag(false),
  CORS_ALLOW_ORIGIN: origins,
  ENABLE_WEBSOCKET_SUPPORT: flag(true),
  WEBSOCKET_SERVER_PING_INTERVAL: number(25, { min: 0.1, max: 3600, fraction: true }),
  WEBSOCKET_SERVER_PING_TIMEOUT: number(20, { min: 0.1, max: 3600, fraction: true }),
  WEBSOCKET_SERVER_LOGGING: flag(false),
  WEBSOCKET_SERVER_ENGINEIO_LOGGING: flag(false),
  WEBSOCKET_HEARTBEAT_INTERVAL: number(30, { min: 5, max: 90, fraction: true }),
  WEBSOCKET_MAX_PAYLOAD_BYTES: number(1_000_000, { min: 1000, max: 100_000_000 }),
  WEBSOCKET_SEND_BUFFER_BYTES: number(1_000_000, { min: 1000, max: 1_000_000_000 }),
  WEBSOCKET_MANAGER: choice(["", "redis"], ""),
  WEBSOCKET_REDIS_URL: url(["redis:", "rediss:"]),
  REDIS_URL: url(["redis:", "rediss:"]),
  WEBSOCKET_REDIS_CLUSTER: flag(false),
  WEBSOCKET_SENTINEL_HOSTS: v.pipe(
    text(""),
    v.transform((value) => value.split(/[\s,;]+/).filter((host) => host !== "")),
    v.check(
      (hosts) => hosts.every((host) => /^[^/?#@]+$/.test(host) && URL.canParse(`redis://${host}`)),
      "must be hosts such as redis-1 or redis-1:26379, separated by commas",
    ),
  ),
  WEBSOCKET_SENTINEL_PORT: number(26_379, { min: 1, max: 65_535 }),
  REDIS_KEY_PREFIX: v.pipe(
    text("tether"),
    v.regex(/^[\w.:-]{1,100}$/, "must be 1 to 100 letters, digits or . : _ -"),
  ),
  WEBSOCKET_REDIS_LOCK_TIMEOUT: number(60, { min: 1, max: 3600 }),
  WEBSOCKET_EVENT_CALLER_TIMEOUT: number(60, { min: 1, max: 3600 }),
  JWT_SECRET: v.pipe(
    text(""),
    v.check(
      (value) => value === "" || new TextEncoder().encode(value).length >= 32,
      "must be at least 32 bytes long",
    ),
  ),
  JWT_JWKS_URL: url(["https:", "http:"]),
  JWT_PUBLIC_KEY: text(""),
  JWT_ALGORITHMS: algorithms,
  JWT_ISSUER: text(""),
  JWT_AUDIENCE: text(""),
  JWT_CLOCK_TOLERANCE: number(5, { min: 0, max: 300, fraction: true }),
  JWT_EXPIRES_IN: lifetime("4w"),
  AUTH_EXPIRY_NOTICE_S: number(60, { min: 0, max: 86_400, fraction: true }),
  AUTH_WHEN_STORE_DOWN: choice(["refuse", "admit"], "refuse"),
  PRESENCE_GRACE_S: number(5, { min: 0, max: 3600, fraction: true }),
  AUTH_DEMO: v.optional(flag(false)),
  ADMISSION_CONNECTS_PER_SECOND: number(500, { min: 1, max: 1_000_000_000 }),
  SESSIONS_PER_USER: number(100, { min: 1, max: 1_000_000_000 }),
  EVENTS_PER_SECOND: number(100, { min: 0, max: 1_000_000_000 }),
  DRAIN_SECONDS: number(30, { min: 0, max: 3600, fraction: true }),
  DATA_DIR: v.pipe(text("./data"), v.nonEmpty("must not be empty")),
  SERVICE_TOKEN: v.pipe(
    text(""),
    v.check((value) => value === "" || value.length >= 16, "must be at least 16 characters long"),
  ),
  METRICS_TOKEN: text(""),
  LOG_LEVEL: choice(["trace", "debug", "info", "warn", "error", "fatal", "silent"], "info"),
  LOG_FORMAT: choice(["pretty", "json"], "pretty"),
  /** Set by Deno Deploy alone. */
  DENO_DEPLOYMENT_ID: text(""),
});

type Settings = v.InferOutput<typeof SETTINGS>;

/** Where Redis is; `null` in the config when this process stands alone. */
export interface RedisConfig {
  url: string;
  cluster: boolean;
  sentinelHosts: readonly string[];
  sentinelPort: number;
  keyPrefix: string;
}

/** Every setting, parsed. Durations are milliseconds unless the name says otherwise. */
export interface Config {
  port: number;
  hostname: string;
  trustProxy: boolean;
  /** Origins that may connect besides the server's own; `["*"]` for all. */
  corsOrigins: readonly string[];
  websocketEnabled: boolean;
  pingIntervalMs: number;
  pingTimeoutMs: number;
  socketLogging: boolean;
  engineLogging: boolean;
  heartbeatIntervalMs: number;
  maxPayloadBytes: number;
  sendBufferBytes: number;
  redis: RedisConfig | null;
  callTimeoutMs: number;
  jwt: {
    /** `null` when no key is configured; the demo issuer makes one then. */
    secret: string | null;
    publicKey: string | null;
    jwksUrl: string | null;
    /** Empty: the algorithms that fit the key. */
    algorithms: readonly string[];
    issuer: string | null;
    audience: string | null;
    clockToleranceS: number;
    /** `null`: tokens need no expiry, and issued ones have none. */
    expiresInS: number | null;
  };
  demo: boolean;
  expiryNoticeMs: number;
  whenStoreDown: "refuse" | "admit";
  presenceGraceMs: number;
  connectsPerSecond: number;
  sessionsPerUser: number;
  /** 0: no limit and no coalescing. */
  eventsPerSecond: number;
  drainMs: number;
  /** `null` on Deno Deploy, where the database is managed and no file can be kept. */
  dataDir: string | null;
  serviceToken: string | null;
  metricsToken: string | null;
  logLevel: Settings["LOG_LEVEL"];
  logFormat: Settings["LOG_FORMAT"];
}

/**
 * Reads the settings out of `environment`. An empty value counts as unset.
 *
 * @throws {ConfigError} listing every setting that is not good; it names no secret's value
 */
export function loadConfig(environment: Environment): Config {
  const given = Object.fromEntries(
    Object.entries(environment).filter(([name, value]) => name in SETTINGS.entries && value?.trim() !== ""),
  );
  const parsed = v.safeParse(SETTINGS, given);
  const problems = parsed.issues?.map((issue) => `${v.getDotPath(issue)} ${issue.message}`) ?? [];
  if (parsed.success) problems.push(...conflicts(parsed.output));
  if (problems.length > 0) throw new ConfigError(problems);
  return resolve(parsed.output as Settings);
}

function keysOf(settings: Settings): string[] {
  return (["JWT_SECRET", "JWT_PUBLIC_KEY", "JWT_JWKS_URL"] as const).filter((name) => settings[name] !== "");
}

function redisUrl(settings: Settings): string {
  return settings.WEBSOCKET_REDIS_URL || settings.REDIS_URL;
}

/** What is wrong between settings that are each good alone. */
function conflicts(settings: Settings): string[] {
  const problems: string[] = [];
  const keys = keysOf(settings);
  if (keys.length > 1) problems.push(`${keys.join(" and ")} exclude each other: set one`);
  if (settings.AUTH_DEMO === true && keys.some((name) => name !== "JWT_SECRET")) {
    problems.push(`AUTH_DEMO signs its own tokens and needs JWT_SECRET, not ${keys.join(" or ")}`);
  }
  if (settings.DENO_DEPLOYMENT_ID !== "" && keys.length === 0) {
    problems.push(
      "No key is set, and on Deno Deploy none can be kept: set JWT_SECRET, JWT_PUBLIC_KEY or JWT_JWKS_URL",
    );
  } else if (settings.AUTH_DEMO === false && keys.length === 0) {
    problems.push("AUTH_DEMO is false and no key is set: set JWT_SECRET, JWT_PUBLIC_KEY or JWT_JWKS_URL");
  }
  if (settings.WEBSOCKET_MANAGER === "redis" && redisUrl(settings) === "") {
    problems.push("WEBSOCKET_MANAGER is redis but neither WEBSOCKET_REDIS_URL nor REDIS_URL is set");
  }
  if (settings.WEBSOCKET_SENTINEL_HOSTS.length > 0 && settings.WEBSOCKET_REDIS_CLUSTER) {
    problems.push("WEBSOCKET_SENTINEL_HOSTS and WEBSOCKET_REDIS_CLUSTER exclude each other");
  }
  if (
    (settings.WEBSOCKET_SENTINEL_HOSTS.length > 0 || settings.WEBSOCKET_REDIS_CLUSTER) &&
    redisUrl(settings) === ""
  ) {
    problems.push("Sentinel and Cluster need WEBSOCKET_REDIS_URL for the credentials and the database");
  }
  if (settings.CORS_ALLOW_ORIGIN.includes("*") && settings.CORS_ALLOW_ORIGIN.length > 1) {
    problems.push("CORS_ALLOW_ORIGIN is either * or a list of origins");
  }
  return problems;
}

function resolve(settings: Settings): Config {
  const demo = settings.AUTH_DEMO ?? keysOf(settings).length === 0;
  return {
    port: settings.PORT,
    hostname: settings.HOST || (demo ? "127.0.0.1" : "0.0.0.0"),
    trustProxy: settings.TRUST_PROXY,
    corsOrigins: settings.CORS_ALLOW_ORIGIN,
    websocketEnabled: settings.ENABLE_WEBSOCKET_SUPPORT,
    pingIntervalMs: settings.WEBSOCKET_SERVER_PING_INTERVAL * 1000,
    pingTimeoutMs: settings.WEBSOCKET_SERVER_PING_TIMEOUT * 1000,
    socketLogging: settings.WEBSOCKET_SERVER_LOGGING,
    engineLogging: settings.WEBSOCKET_SERVER_ENGINEIO_LOGGING,
    heartbeatIntervalMs: settings.WEBSOCKET_HEARTBEAT_INTERVAL * 1000,
    maxPayloadBytes: settings.WEBSOCKET_MAX_PAYLOAD_BYTES,
    sendBufferBytes: settings.WEBSOCKET_SEND_BUFFER_BYTES,
    redis: redisUrl(settings) === "" ? null : {
      url: redisUrl(settings),
      cluster: settings.WEBSOCKET_REDIS_CLUSTER,
      sentinelHosts: settings.WEBSOCKET_SENTINEL_HOSTS,
      sentinelPort: settings.WEBSOCKET_SENTINEL_PORT,
      keyPrefix: settings.REDIS_KEY_PREFIX,
    },
    callTimeoutMs: settings.WEBSOCKET_EVENT_CALLER_TIMEOUT * 1000,
    jwt: {
      secret: settings.JWT_SECRET || null,
      publicKey: settings.JWT_PUBLIC_KEY || null,
      jwksUrl: settings.JWT_JWKS_URL || null,
      algorithms: settings.JWT_ALGORITHMS,
      issuer: settings.JWT_ISSUER || null,
      audience: settings.JWT_AUDIENCE || null,
      clockToleranceS: settings.JWT_CLOCK_TOLERANCE,
      expiresInS: settings.JWT_EXPIRES_IN,
    },
    demo,
    expiryNoticeMs: settings.AUTH_EXPIRY_NOTICE_S * 1000,
    whenStoreDown: settings.AUTH_WHEN_STORE_DOWN,
    presenceGraceMs: settings.PRESENCE_GRACE_S * 1000,
    connectsPerSecond: settings.ADMISSION_CONNECTS_PER_SECOND,
    sessionsPerUser: settings.SESSIONS_PER_USER,
    eventsPerSecond: settings.EVENTS_PER_SECOND,
    drainMs: settings.DRAIN_SECONDS * 1000,
    dataDir: settings.DENO_DEPLOYMENT_ID === "" ? settings.DATA_DIR : null,
    serviceToken: settings.SERVICE_TOKEN || null,
    metricsToken: settings.METRICS_TOKEN || null,
    logLevel: settings.LOG_LEVEL,
    logFormat: settings.LOG_FORMAT,
  };
}
