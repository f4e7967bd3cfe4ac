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

/** From a variable, which may be unset, to its value. */
type Setting<Output> = v.GenericSchema<string | undefined, Output>;
/** With `fraction` it need not be whole. */
type Range = { min: number; max: number; fraction?: boolean };

function text(fallback: string): Setting<string> {
  return v.optional(v.pipe(v.string(), v.trim()), fallback);
}

/** Text that may be absent, which is `null`; `good` checks what is there. */
function optionalText(good = (_value: string): boolean => true, message = ""): Setting<string | null> {
  return v.pipe(
    text(""),
    v.check((value) => value === "" || good(value), message),
    v.transform((value) => value || null),
  );
}

function flag(fallback: boolean): Setting<boolean> {
  return v.pipe(
    v.optional(v.string(), String(fallback)),
    v.trim(),
    v.toLowerCase(),
    v.picklist([...TRUE, ...FALSE], `must be true or false`),
    v.transform((value) => TRUE.includes(value)),
  );
}

function choice<const Value extends string>(values: readonly Value[], fallback: Value): Setting<Value> {
  return v.pipe(
    v.optional(v.string(), fallback),
    v.trim(),
    v.picklist(values, `must be ${values.map((value) => value === "" ? "empty" : value).join(" or ")}`),
  );
}

function number(fallback: number, { min, max, fraction = false }: Range): Setting<number> {
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

/** A number of seconds, which becomes milliseconds. */
function seconds(fallback: number, range: Range): Setting<number> {
  return v.pipe(number(fallback, { fraction: true, ...range }), v.transform((value) => value * 1000));
}

function url(...protocols: string[]): Setting<string | null> {
  return optionalText(
    (value) => URL.canParse(value) && protocols.includes(new URL(value).protocol),
    `must be a URL that starts with ${protocols.map((protocol) => `${protocol}//`).join(" or ")}`,
  );
}

/** What `separator` separates, each of them `good`. */
function list(
  separator: RegExp,
  good: (item: string) => boolean,
  message: string,
): Setting<readonly string[]> {
  return v.pipe(
    text(""),
    v.transform((value) => value.split(separator).map((item) => item.trim()).filter((item) => item !== "")),
    v.check((items) => items.every(good), message),
  );
}

/** Seconds: `90s`, `15m`, `12h`, `7d`, `4w`, a plain number of seconds, or `-1` for "never", which becomes `null`. */
function lifetime(fallback: string): Setting<number | null> {
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

/** The setting of the variable `name`. */
function env<Output>(name: string, schema: Setting<Output>): Setting<Output> {
  return v.pipe(schema, v.title(name));
}

const MANY = { min: 1, max: 1_000_000_000 };
const isHost = (host: string): boolean => /^[^/?#@]+$/.test(host) && URL.canParse(`redis://${host}`);

/** Every setting: its name here, its variable, and how its text is read. Durations are milliseconds unless named otherwise. */
const SETTINGS = v.object({
  port: env("PORT", number(8000, { min: 0, max: 65_535 })),
  hostname: env("HOST", optionalText()),
  trustProxy: env("TRUST_PROXY", flag(false)),
  /** Origins that may connect besides the server's own; `["*"]` for all. */
  corsOrigins: env(
    "CORS_ALLOW_ORIGIN",
    list(
      /;/,
      (origin) => origin === "*" || (URL.canParse(origin) && new URL(origin).origin === origin),
      "must be origins such as https://example.org separated by ';', or *",
    ),
  ),
  websocketEnabled: env("ENABLE_WEBSOCKET_SUPPORT", flag(true)),
  pingIntervalMs: env("WEBSOCKET_SERVER_PING_INTERVAL", seconds(25, { min: 0.1, max: 3600 })),
  pingTimeoutMs: env("WEBSOCKET_SERVER_PING_TIMEOUT", seconds(20, { min: 0.1, max: 3600 })),
  socketLogging: env("WEBSOCKET_SERVER_LOGGING", flag(false)),
  engineLogging: env("WEBSOCKET_SERVER_ENGINEIO_LOGGING", flag(false)),
  heartbeatIntervalMs: env("WEBSOCKET_HEARTBEAT_INTERVAL", seconds(30, { min: 5, max: 90 })),
  maxPayloadBytes: env("WEBSOCKET_MAX_PAYLOAD_BYTES", number(1_000_000, { min: 1000, max: 100_000_000 })),
  sendBufferBytes: env("WEBSOCKET_SEND_BUFFER_BYTES", number(1_000_000, { min: 1000, max: 1_000_000_000 })),
  redis: v.object({
    manager: env("WEBSOCKET_MANAGER", choice(["", "redis"], "")),
    socketUrl: env("WEBSOCKET_REDIS_URL", url("redis:", "rediss:")),
    commonUrl: env("REDIS_URL", url("redis:", "rediss:")),
    cluster: env("WEBSOCKET_REDIS_CLUSTER", flag(false)),
    sentinelHosts: env(
      "WEBSOCKET_SENTINEL_HOSTS",
      list(/[\s,;]+/, isHost, "must be hosts such as redis-1 or redis-1:26379, separated by commas"),
    ),
    sentinelPort: env("WEBSOCKET_SENTINEL_PORT", number(26_379, { min: 1, max: 65_535 })),
    keyPrefix: env(
      "REDIS_KEY_PREFIX",
      v.pipe(text("tether"), v.regex(/^[\w.:-]{1,100}$/, "must be 1 to 100 letters, digits or . : _ -")),
    ),
    /** Checked and of no effect: nothing in a fleet waits for a lock. */
  }),
  callTimeoutMs: env("WEBSOCKET_EVENT_CALLER_TIMEOUT", seconds(60, { min: 1, max: 3600, fraction: false })),
  jwt: v.object({
    /** `null` when no key is configured; the demo issuer makes one then. */
    secret: env(
      "JWT_SECRET",
      optionalText((value) => new TextEncoder().encode(value).length >= 32, "must be at least 32 bytes long"),
    ),
    publicKey: env("JWT_PUBLIC_KEY", optionalText()),
    jwksUrl: env("JWT_JWKS_URL", url("https:", "http:")),
    /** Empty: the algorithms that fit the key. */
    algorithms: env(
      "JWT_ALGORITHMS",
      list(
        /[\s,;]+/,
        (name) => /^(HS|RS|PS|ES)(256|384|512)$|^EdDSA$|^Ed25519$/.test(name),
        "must name signature algorithms such as HS256, RS256, PS256, ES256 or EdDSA",
      ),
    ),
    issuer: env("JWT_ISSUER", optionalText()),
    audience: env("JWT_AUDIENCE", optionalText()),
    clockToleranceS: env("JWT_CLOCK_TOLERANCE", number(5, { min: 0, max: 300, fraction: true })),
    /** `null`: tokens need no expiry, and issued ones have none. */
    expiresInS: env("JWT_EXPIRES_IN", lifetime("4w")),
  }),
  demo: env("AUTH_DEMO", v.optional(flag(false))),
  expiryNoticeMs: env("AUTH_EXPIRY_NOTICE_S", seconds(60, { min: 0, max: 86_400 })),
  whenStoreDown: env("AUTH_WHEN_STORE_DOWN", choice(["refuse", "admit"], "refuse")),
  presenceGraceMs: env("PRESENCE_GRACE_S", seconds(5, { min: 0, max: 3600 })),
  connectsPerSecond: env("ADMISSION_CONNECTS_PER_SECOND", number(500, MANY)),
  sessionsPerUser: env("SESSIONS_PER_USER", number(100, MANY)),
  /** 0: no limit and no coalescing. */
  eventsPerSecond: env("EVENTS_PER_SECOND", number(100, { ...MANY, min: 0 })),
  drainMs: env("DRAIN_SECONDS", seconds(30, { min: 0, max: 3600 })),
  publicChannels: env("PUBLIC_CHANNELS", choice(["everyone", "admin", "none"], "admin")),
  /** What the process may hold; not set: what its container or machine has. */
  memoryLimitMb: env("MEMORY_LIMIT_MB", v.optional(number(64, { ...MANY, min: 64 }))),
  dataDir: env("DATA_DIR", v.pipe(text("./data"), v.nonEmpty("must not be empty"))),
  serviceToken: env(
    "SERVICE_TOKEN",
    optionalText((value) => value.length >= 16, "must be at least 16 characters long"),
  ),
  metricsToken: env("METRICS_TOKEN", optionalText()),
  logLevel: env("LOG_LEVEL", choice(["trace", "debug", "info", "warn", "error", "fatal", "silent"], "info")),
  logFormat: env("LOG_FORMAT", choice(["pretty", "json"], "pretty")),
  /** Set by Deno Deploy alone. */
  deploymentId: env("DENO_DEPLOYMENT_ID", optionalText()),
});

type Settings = v.InferOutput<typeof SETTINGS>;

/** Every setting, parsed. Durations are milliseconds unless the name says otherwise. */
export type Config = ReturnType<typeof resolve>;
/** Where Redis is. */
export type RedisConfig = NonNullable<Config["redis"]>;

interface Group {
  entries: Record<string, v.GenericSchema | Group>;
}

/**
 * Reads the settings out of `environment`. An empty value counts as unset.
 *
 * @throws {ConfigError} listing every setting that is not good; it names no secret's value
 */
export function loadConfig(environment: Environment): Config {
  const parsed = v.safeParse(SETTINGS, valuesOf(SETTINGS, environment));
  const problems = parsed.issues?.map(({ path, message }) => `${nameOf(path)} ${message}`) ?? [];
  if (parsed.success) problems.push(...conflicts(parsed.output));
  if (problems.length > 0) throw new ConfigError(problems);
  return resolve(parsed.output as Settings);
}

function valuesOf({ entries }: Group, environment: Environment): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(entries).map(([key, entry]) => {
      if ("entries" in entry) return [key, valuesOf(entry, environment)];
      return [key, environment[v.getTitle(entry)!]?.trim() || undefined];
    }),
  );
}

/** The variable whose value an issue is about. */
function nameOf(path: readonly v.IssuePathItem[] = []): string {
  const schema = path.reduce<Group | v.GenericSchema>(
    (at, { key }) => (at as Group).entries[key as string]!,
    SETTINGS,
  );
  return v.getTitle(schema as v.GenericSchema)!;
}

function keysOf({ jwt: { secret, publicKey, jwksUrl } }: Pick<Settings, "jwt">): string[] {
  const keys = { JWT_SECRET: secret, JWT_PUBLIC_KEY: publicKey, JWT_JWKS_URL: jwksUrl };
  return Object.entries(keys).filter(([, key]) => key !== null).map(([name]) => name);
}

/** What is wrong between settings that are each good alone. */
function conflicts(settings: Settings): string[] {
  const { corsOrigins, demo, deploymentId, redis } = settings;
  const { manager, socketUrl, commonUrl, cluster, sentinelHosts } = redis;
  const keys = keysOf(settings);
  const hasRedis = (socketUrl ?? commonUrl) !== null, hasSentinels = sentinelHosts.length > 0;
  const rules: [broken: boolean, problem: string][] = [
    [keys.length > 1, `${keys.join(" and ")} exclude each other: set one`],
    [
      demo === true && keys.some((name) => name !== "JWT_SECRET"),
      `AUTH_DEMO signs its own tokens and needs JWT_SECRET, not ${keys.join(" or ")}`,
    ],
    [
      deploymentId !== null && keys.length === 0,
      "No key is set, and on Deno Deploy none can be kept: set JWT_SECRET, JWT_PUBLIC_KEY or JWT_JWKS_URL",
    ],
    [
      deploymentId === null && demo === false && keys.length === 0,
      "AUTH_DEMO is false and no key is set: set JWT_SECRET, JWT_PUBLIC_KEY or JWT_JWKS_URL",
    ],
    [
      manager === "redis" && !hasRedis,
      "WEBSOCKET_MANAGER is redis but neither WEBSOCKET_REDIS_URL nor REDIS_URL is set",
    ],
    [hasSentinels && cluster, "WEBSOCKET_SENTINEL_HOSTS and WEBSOCKET_REDIS_CLUSTER exclude each other"],
    [
      (hasSentinels || cluster) && !hasRedis,
      "Sentinel and Cluster need WEBSOCKET_REDIS_URL for the credentials and the database",
    ],
    [
      corsOrigins.includes("*") && corsOrigins.length > 1,
      "CORS_ALLOW_ORIGIN is either * or a list of origins",
    ],
  ];
  return rules.filter(([broken]) => broken).map(([, problem]) => problem);
}

function resolve({ redis, deploymentId, ...settings }: Settings) {
  const { socketUrl, commonUrl, manager: _, ...rest } = redis;
  const url = socketUrl ?? commonUrl;
  const demo = settings.demo ?? keysOf(settings).length === 0;
  return {
    ...settings,
    demo,
    hostname: settings.hostname ?? (demo ? "127.0.0.1" : "0.0.0.0"),
    /** `null` when this process stands alone. */
    redis: url === null ? null : { ...rest, url },
    /** `null` on Deno Deploy, where the database is managed and no file can be kept. */
    dataDir: deploymentId === null ? settings.dataDir : null,
  };
}
