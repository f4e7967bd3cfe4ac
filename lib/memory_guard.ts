/**
 * Watches how much memory the process holds and says when it comes near its limit. Some of it nothing in JavaScript can
 * give back (facts: a fragmented WebSocket message), so that a process must be able to leave before it is killed.
 */
import type { Log } from "./log.ts";

/** How near the limit the process is. */
type MemoryLevel = "calm" | "high" | "exhausted";

interface MemoryGuardOptions {
  /** What the process may hold, in bytes. */
  limitBytes: number;
  /** Called when the level changes. `exhausted` is final: who hears it leaves. */
  onLevel: (level: MemoryLevel) => void;
  log: Log;
  /** Bytes held now; default: the resident set of the process. */
  held?: () => number;
  /** Default 100. */
  intervalMs?: number;
}

// nobody new, and the largest buffers go
const HIGH_SHARE = 0.75;
// below this again the node takes newcomers; apart from the mark above, so that the level does not flutter
const CALM_SHARE = 0.7;
// within seconds the node is gone
const EXHAUSTED_SHARE = 0.9;
const MB = 1024 * 1024;

/** Starts to watch; disposing ends it. */
export function createMemoryGuard(options: MemoryGuardOptions): Disposable {
  const { limitBytes, onLevel, log, held = residentBytes, intervalMs = 100 } = options;
  let level: MemoryLevel = "calm";

  function check(): void {
    const bytes = held();
    const next = levelOf(bytes / limitBytes, level);
    if (next === level) return;
    level = next;
    const fields = { heldMb: Math.round(bytes / MB), limitMb: Math.round(limitBytes / MB) };
    if (next === "calm") log.info("Memory is free again", fields);
    else {log.warn(
        next === "high" ? "Memory runs low: nobody new is let in" : "Memory is used up: leaving",
        fields,
      );}
    onLevel(next);
  }

  const timer = setInterval(check, intervalMs);
  return { [Symbol.dispose]: () => clearInterval(timer) };
}

function levelOf(share: number, level: MemoryLevel): MemoryLevel {
  if (level === "exhausted" || share >= EXHAUSTED_SHARE) return "exhausted";
  if (share >= HIGH_SHARE) return "high";
  return level === "high" && share >= CALM_SHARE ? "high" : "calm";
}

function residentBytes(): number {
  return Deno.memoryUsage().rss;
}

/** What the container grants, or the machine has, in bytes. */
export async function memoryLimit(): Promise<number> {
  const machine = Deno.systemMemoryInfo().total;
  // control groups, version 2 and version 1
  for (const path of ["/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"]) {
    try {
      const bytes = Number(await Deno.readTextFile(path));
      if (Number.isInteger(bytes) && bytes > 0) return Math.min(machine, bytes);
    } catch {
      // no such group, or no right to look
    }
  }
  return machine;
}

/** Deno up to 2.9.6 collects a fragmented WebSocket message without bound. */
export function collectsFragments(version: string = Deno.version.deno): boolean {
  const [major = 0, minor = 0, patch = 0] = version.split(/[.+-]/, 3).map(Number);
  return major < 2 || (major === 2 && (minor < 9 || (minor === 9 && patch <= 6)));
}
