/** The log: pino behind a narrow interface. It writes lines to standard output and never a token or a secret. */
import pino from "pino";

/** Fields of a log line besides its message. */
type LogFields = Readonly<Record<string, unknown>>;

/** What the project's code logs through. */
export interface Log {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
}

interface LogOptions {
  level: pino.LevelWithSilent;
  /** `json`: one object a line; `pretty`: time, level, message, fields. */
  format: "pretty" | "json";
  /** Where a finished line goes; default standard output. */
  write?: (line: string) => void;
}

// by name at any of the depths at which fields are logged here; the code passes none of them, this is the second lock
const SECRET = ["token", "secret", "password", "authorization", "cookie", "auth"];
const REDACT = SECRET.flatMap((name) => [name, `*.${name}`, `*.*.${name}`]);

/** Errors in fields are written with type, message and stack. */
export function createLog({ level, format, write = writeOut }: LogOptions): Log {
  const destination = { write: format === "json" ? write : (line: string): void => write(prettify(line)) };
  const logger = pino({
    level,
    base: null,
    redact: REDACT,
    timestamp: pino.stdTimeFunctions.isoTime,
    serializers: { error: pino.stdSerializers.err },
    formatters: { level: (label) => ({ level: label }) },
  }, destination);
  return {
    debug: (message, fields) => logger.debug(fields, message),
    info: (message, fields) => logger.info(fields, message),
    warn: (message, fields) => logger.warn(fields, message),
    error: (message, fields) => logger.error(fields, message),
  };
}

const encoder = new TextEncoder();

function writeOut(line: string): void {
  Deno.stdout.writeSync(encoder.encode(line));
}

function prettify(line: string): string {
  const { level, time, msg, error, ...fields } = JSON.parse(line);
  const rest = Object.entries(fields).map(([name, value]) =>
    ` ${name}=${typeof value === "string" ? value : JSON.stringify(value)}`
  ).join("");
  const trace = error === undefined ? "" : `\n${error.stack ?? error.message}`;
  return `${time.slice(11, 19)} ${level.toUpperCase().padEnd(5)} ${msg}${rest}${trace}\n`;
}
