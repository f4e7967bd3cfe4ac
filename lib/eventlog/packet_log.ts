/**
 * The events of the last minutes of a process that stands alone, in the order in which they were sent: what a client
 * that comes back has missed. It is bounded in count, bytes and age, and knows from which position on it is complete.
 */
import type { Frames } from "./delivery.ts";
import { comparePositions, indexAfter, type Position, timeOf } from "./position.ts";

/** An event as it was sent, and to whom. */
interface LoggedPacket {
  frames: Frames;
  rooms: readonly string[];
  except: readonly string[];
  position: Position;
}

/** The log. */
export interface PacketLog {
  /** The last position. */
  readonly position: Position;
  /** Goes on by one position, and returns it. */
  advance(): Position;
  /** Adds an event at the last position. */
  add(packet: LoggedPacket): void;
  /** What was sent after `start`; nothing when some of it may be missing. */
  since(start: Position): LoggedPacket[] | undefined;
}

/** Options of {@linkcode createPacketLog}. */
interface PacketLogOptions {
  /** How long an event is kept, in milliseconds. */
  keepMs: number;
  /** Default 50,000. */
  maxPackets?: number;
  /** Default 32 MB. */
  maxBytes?: number;
  /** The clock, in epoch milliseconds. */
  now?: () => number;
}

// the emptied front of the array is cut off when it is at least this long and half of it
const MIN_CUT = 1024;

/** Makes an empty log. */
export function createPacketLog(options: PacketLogOptions): PacketLog {
  const { keepMs, maxPackets = 50_000, maxBytes = 32 * 1024 * 1024, now = Date.now } = options;
  let kept: (LoggedPacket | undefined)[] = [];
  let head = 0, bytes = 0;
  let time = now(), number = 0;
  let completeFrom = `${time}-0`;

  function trim(): void {
    for (; head < kept.length; head++) {
      const first = kept[head]!;
      const isDue = kept.length - head > maxPackets || bytes > maxBytes ||
        timeOf(first.position) < time - keepMs;
      if (!isDue) break;
      kept[head] = undefined;
      bytes -= sizeOf(first);
      completeFrom = first.position;
    }
    if (head < MIN_CUT || head * 2 < kept.length) return;
    kept = kept.slice(head);
    head = 0;
  }

  return {
    get position() {
      return `${time}-${number}`;
    },
    advance() {
      const at = now();
      number = at > time ? 0 : number + 1;
      time = Math.max(at, time);
      trim();
      return `${time}-${number}`;
    },
    add(packet) {
      kept.push(packet);
      bytes += sizeOf(packet);
      trim();
    },
    since(start) {
      if (comparePositions(start, completeFrom) < 0) return undefined;
      return (kept as LoggedPacket[]).slice(indexAfter(kept as LoggedPacket[], start, head));
    },
  };
}

function sizeOf({ frames: [text, ...attachments] }: LoggedPacket): number {
  return attachments.reduce((sum, data) => sum + (data as ArrayBuffer).byteLength, text.length);
}
