/**
 * The events of the last minutes, in the one order in which they were sent: what a client that comes back has missed.
 * It is bounded in count, bytes and age, and knows from which position on it is complete.
 */

/** A position in the order of events, `{milliseconds}-{number}`; those of Redis are its stream's ids. */
export type Position = string;

/** An event as it was sent, and to whom. */
export interface LoggedPacket {
  /** Name and arguments. */
  data: unknown[];
  rooms: ReadonlySet<string>;
  except: ReadonlySet<string>;
  /** About how much it holds. */
  bytes: number;
}

/** The log. */
export interface PacketLog {
  /** The last position that was heard of. */
  readonly position: Position | undefined;
  /** Goes on to `position`; `packet` is what was sent there, if it is to be kept. */
  advance(position: Position, packet?: LoggedPacket): void;
  /** Events were missed: what is older than the last position is no longer known to be complete. */
  forget(): void;
  /** Whether everything after `start` is there. */
  covers(start: Position): boolean;
  /**
   * What was sent to any of `rooms` after `start`, each with its position; `undefined` when some of it may be missing.
   */
  since(start: Position, rooms: ReadonlySet<string>): unknown[][] | undefined;
}

/** Options of {@linkcode createPacketLog}. */
export interface PacketLogOptions {
  /** How long an event is kept, in milliseconds. */
  keepMs: number;
  /** Default 50,000. */
  maxPackets?: number;
  /** Default 32 MB. */
  maxBytes?: number;
}

interface Kept extends LoggedPacket {
  position: Position;
}

const POSITION = /^\d{1,15}-\d{1,15}$/;
// the emptied front of the array is cut off when it is at least this long and half of it
const MIN_CUT = 1024;

/** Whether `value` is a {@linkcode Position}. */
export function isPosition(value: unknown): value is Position {
  return typeof value === "string" && POSITION.test(value);
}

/** The milliseconds of a position. */
export function timeOf(position: Position): number {
  return parseInt(position, 10);
}

/** Less than 0 when `a` comes before `b`, 0 when they are the same. */
export function comparePositions(a: Position, b: Position): number {
  return timeOf(a) - timeOf(b) || Number(a.slice(a.indexOf("-") + 1)) - Number(b.slice(b.indexOf("-") + 1));
}

/**
 * The data of an event with its position last, where a Socket.IO client looks for it. Listeners look for the function
 * that answers a call in the place after the payload, and find `null`.
 */
export function withPosition(data: readonly unknown[], position: Position): unknown[] {
  return [...data, null, position];
}

/** Makes an empty log. */
export function createPacketLog(options: PacketLogOptions): PacketLog {
  const { keepMs, maxPackets = 50_000, maxBytes = 32 * 1024 * 1024 } = options;
  let kept: (Kept | undefined)[] = [];
  let head = 0, bytes = 0;
  let position: Position | undefined, completeFrom: Position | undefined;

  function dropFirst(): void {
    const first = kept[head]!;
    kept[head++] = undefined;
    bytes -= first.bytes;
    completeFrom = first.position;
  }

  function trim(): void {
    const oldest = timeOf(position!) - keepMs;
    while (
      head < kept.length &&
      (kept.length - head > maxPackets || bytes > maxBytes || timeOf(kept[head]!.position) < oldest)
    ) dropFirst();
    if (head >= MIN_CUT && head * 2 >= kept.length) {
      kept = kept.slice(head);
      head = 0;
    }
  }

  /** The index of the first packet after `start`. */
  function indexAfter(start: Position): number {
    let low = head, high = kept.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (comparePositions(kept[middle]!.position, start) > 0) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  function covers(start: Position): boolean {
    return completeFrom !== undefined && comparePositions(start, completeFrom) >= 0;
  }

  return {
    covers,
    get position() {
      return position;
    },
    advance(to, packet) {
      position = to;
      completeFrom ??= to;
      if (packet !== undefined) {
        kept.push({ ...packet, position: to });
        bytes += packet.bytes;
      }
      trim();
    },
    forget() {
      kept = [];
      head = bytes = 0;
      completeFrom = position;
    },
    since(start, rooms) {
      if (!covers(start)) return undefined;
      const missed: unknown[][] = [];
      for (let index = indexAfter(start); index < kept.length; index++) {
        const packet = kept[index]!;
        if (isFor(packet, rooms)) missed.push(withPosition(packet.data, packet.position));
      }
      return missed;
    },
  };
}

function isFor({ rooms, except }: LoggedPacket, own: ReadonlySet<string>): boolean {
  return (rooms.size === 0 || !rooms.isDisjointFrom(own)) && except.isDisjointFrom(own);
}
