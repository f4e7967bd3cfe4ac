/** A log for tests that keeps what is written. */
import type { Log } from "../../lib/log.ts";

/** One line of a {@linkcode TestLog}. */
export interface LogLine {
  level: keyof Log;
  message: string;
  fields?: Record<string, unknown>;
}

/** A log that can be read. */
export interface TestLog extends Log {
  readonly lines: LogLine[];
  /** Resolves when a line, past or future, says `message`. */
  said(message: string): Promise<void>;
}

/** Creates an empty log. */
export function testLog(): TestLog {
  const lines: LogLine[] = [];
  const waiting: { message: string; resolve: () => void }[] = [];
  const at = (level: keyof Log) => (message: string, fields?: Record<string, unknown>): void => {
    lines.push({ level, message, fields });
    for (const waiter of waiting) if (waiter.message === message) waiter.resolve();
  };
  function said(message: string): Promise<void> {
    if (lines.some((line) => line.message === message)) return Promise.resolve();
    return new Promise((resolve) => waiting.push({ message, resolve }));
  }
  return { lines, said, debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") };
}
