/**
 * The heartbeat of one open line: one timer whatever happens. It beats, waits for the answer, notices that the machine
 * slept, and says when the line is dead. What to do then is not its business.
 */
import type { Clock } from "./clock.ts";

interface HeartbeatOptions {
  clock: Clock;
  /** Milliseconds from one beat to the next. */
  intervalMs: number;
  /** An answer later than this means that the line is dead. */
  timeoutMs: number;
  /** The same for a probe. */
  probeTimeoutMs: number;
  /** Sends one beat; `answered` gets the raw acknowledgement. */
  send(answered: (answer: unknown) => void): void;
  /** A round trip took this long. */
  onRtt(rttMs: number, answer: unknown): void;
  /** No answer in time. Called once; the heartbeat has stopped. */
  onLost(): void;
}

/** A beating heart. */
export interface Heartbeat {
  /** Another interval from now on. */
  setIntervalMs(ms: number): void;
  /** Beats now, or as soon as the beat that is on its way, and may say what is no longer so, is answered. */
  beat(): void;
  /** Beats, and finds out within `probeTimeoutMs` whether the line is alive. */
  probe(): void;
  /** Stops for good. */
  stop(): void;
}

/** The timer never sleeps longer, so that a machine that wakes up is noticed soon. */
const TICK_MS = 1250;
/** A timer that fires this much too late slept with the machine. */
const SLEPT_MS = 4000;

interface Beat {
  sentAt: number;
  deadline: number;
  /** Overdue once already, after a sleep. */
  spared: boolean;
}

/** Starts with a beat at once. */
export function createHeartbeat(options: HeartbeatOptions): Heartbeat {
  const { clock, timeoutMs, probeTimeoutMs } = options;
  let { intervalMs } = options;
  let nextAt = clock.now();
  let wakeAt = nextAt;
  let underway: Beat | null = null;
  let cancel: () => void = () => {};
  let again = false;
  let stopped = false;

  function schedule(): void {
    cancel();
    if (stopped) return;
    const now = clock.now();
    wakeAt = Math.max(now, Math.min(underway?.deadline ?? nextAt, now + TICK_MS));
    cancel = clock.after(wakeAt - now, tick);
  }

  function tick(): void {
    const now = clock.now();
    if (now - wakeAt > SLEPT_MS) return probe();
    if (underway && now >= underway.deadline) {
      stop();
      return options.onLost();
    }
    if (!underway && now >= nextAt) return send(timeoutMs);
    schedule();
  }

  function send(limitMs: number): void {
    const sentAt = clock.now();
    const own: Beat = { sentAt, deadline: sentAt + limitMs, spared: false };
    underway = own;
    nextAt = sentAt + intervalMs;
    again = false;
    schedule();
    options.send((answer) => {
      if (stopped || underway !== own) return;
      underway = null;
      schedule();
      // a longer trip went through a sleep and says nothing of the line
      const rttMs = clock.now() - sentAt;
      if (rttMs <= timeoutMs) options.onRtt(Math.max(0, rttMs), answer);
      if (again) beat();
    });
  }

  function beat(): void {
    again = true;
    if (!stopped && !underway) send(timeoutMs);
  }

  function probe(): void {
    if (stopped) return;
    if (!underway) return send(probeTimeoutMs);
    again = true;
    const now = clock.now();
    const limit = now + probeTimeoutMs;
    if (now < underway.deadline) {
      underway.deadline = Math.min(underway.deadline, limit);
    } else if (!underway.spared) {
      // its answer may have come during a sleep and wait to be read
      underway.spared = true;
      underway.deadline = limit;
    }
    schedule();
  }

  function stop(): void {
    stopped = true;
    cancel();
  }

  send(timeoutMs);
  return {
    setIntervalMs(ms) {
      nextAt += ms - intervalMs;
      intervalMs = ms;
      schedule();
    },
    beat,
    probe,
    stop,
  };
}
