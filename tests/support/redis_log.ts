/** A log for tests that keeps what is written. */
import type { Log } from "../../lib/supervise.ts";

/** One line of a {@linkcode TestLog}. */
export interface LogLine {
  level: keyof Log;
  message: string;
  fields?: Record<string, unknown>;
}

/** A log that can be read. */
export interface TestLog extends Log {
  readonly lines: LogLine[];
}

/** Creates an empty log. */
export function testLog(): TestLog {
  const lines: LogLine[] = [];
  const at = (level: keyof Log) => (message: string, fields?: Record<string, unknown>): void => {
    lines.push({ level, message, fields });
  };
  return { lines, debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") };
}
