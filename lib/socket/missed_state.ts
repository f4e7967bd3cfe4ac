/** What follows when a node was deaf to its fleet: it reads again what it missed, as often as that takes, and then says so. */
import type { Log } from "../log.ts";
import { delay } from "../supervise.ts";

interface RepairOptions {
  /** Reads again what may have been missed; may be called again after it failed. */
  repair: () => Promise<unknown>;
  /** Tells the clients of this node, or those in some rooms; they hear of an end only after a repair. */
  tell: (degraded: boolean, rooms?: readonly string[]) => void;
  log: Log;
  /** Milliseconds from a failure to the next try; default 1000. */
  retryMs?: number;
}

/** The repairs of a node. */
interface Repair {
  /** The node became deaf, or hears again. What was under way for the state before is given up. */
  change(degraded: boolean): void;
  /** Those in some rooms have missed something. */
  missed(rooms: readonly string[]): void;
  /** Ends what is under way. */
  close(): void;
}

export function createRepair({ repair, tell, log, retryMs = 1000 }: RepairOptions): Repair {
  let current = new AbortController();

  async function heal({ signal }: AbortController, rooms?: readonly string[]): Promise<void> {
    while (!signal.aborted) {
      try {
        await repair();
        if (!signal.aborted) tell(false, rooms);
        return;
      } catch (error) {
        log.warn("A repair failed and is tried again", { error });
        await delay(retryMs, signal);
      }
    }
  }

  return {
    change(degraded) {
      current.abort();
      current = new AbortController();
      if (degraded) tell(true);
      else void heal(current);
    },
    missed(rooms) {
      tell(true, rooms);
      void heal(current, rooms);
    },
    close: () => current.abort(),
  };
}
