/** Background loops that outlive their errors. A loop owns its one timer, and both end when it is disposed. */
import type { Log } from "./log.ts";

interface SuperviseOptions {
  /** Milliseconds before the first run, and from the end of one run to the start of the next. */
  intervalMs: number;
  log: Log;
  /** Called with every error, for counting. */
  onError?: (error: unknown) => void;
}

/** A running loop. Disposing it ends it and waits for a run that is under way. */
export interface Loop extends AsyncDisposable {
  /** Starts the next run now, or right after the one under way. */
  wake(): void;
}

/**
 * Runs `fn` again and again, first after one interval. An error is logged under `name`, counted and followed by the
 * next run, an interval later; it never ends the loop. `fn` gets a signal that aborts when the loop is to end.
 */
export function supervise(
  name: string,
  fn: (signal: AbortSignal) => unknown,
  { intervalMs, log, onError }: SuperviseOptions,
): Loop {
  const controller = new AbortController();
  const { signal } = controller;
  let failures = 0;
  let pause = new AbortController();

  async function run(): Promise<void> {
    while (true) {
      await delay(intervalMs, AbortSignal.any([signal, pause.signal]));
      pause = new AbortController();
      if (signal.aborted) return;
      try {
        await fn(signal);
      } catch (error) {
        // what fails because the loop is ending is no news
        if (signal.aborted) return;
        log.error(`${name} failed and will run again`, { error, failures: ++failures });
        onError?.(error);
      }
    }
  }

  const ended = run();
  return {
    wake: () => pause.abort(),
    [Symbol.asyncDispose]() {
      controller.abort();
      return ended;
    },
  };
}

/** Resolves after `ms` milliseconds, or as soon as `signal` aborts. */
export function delay(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted) return resolve();
    const end = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    signal?.addEventListener("abort", end);
  });
}
