/**
 * Places in the one order of all events. Every entry of every log gets its place from one clock, so that they compare
 * wherever they were read; to clients they are opaque.
 */

/**
 * `{ms}-{n}` is an entry of the log with all its events, `{ms}-{n}.{index}` one of them. `…+{number}@{node}` says
 * besides that the events of a node were delivered up to this number, some of them before they had a place.
 */
export type Position = string;

const POSITION = /^(\d{1,15})-(\d{1,15})(?:\.(\d{1,5}))?(?:\+(\d{1,15})@([\w-]{1,64}))?$/;

/** Whether `value` is a {@linkcode Position}. */
export function isPosition(value: unknown): value is Position {
  return typeof value === "string" && POSITION.test(value);
}

/** The milliseconds of a position. */
export function timeOf(position: Position): number {
  return parseInt(position, 10);
}

/** The position before all others of a time. */
export function positionAt(timeMs: number): Position {
  return `${Math.max(0, Math.floor(timeMs))}-0`;
}

/** The entry that a position is in. */
export function entryOf(position: Position): Position {
  return /^[\d-]+/.exec(position)![0];
}

/** What a position says of events that were delivered before they had a place. */
export function aheadOf(position: Position): { node: string; number: number } | undefined {
  const [, , , , number, node] = POSITION.exec(position)!;
  return node === undefined ? undefined : { node, number: Number(number) };
}

/** Less than 0 when `a` comes before `b`, 0 when they are the same place. */
export function comparePositions(a: Position, b: Position): number {
  const [, aMs, aNumber, aIndex = Infinity] = POSITION.exec(a)!;
  const [, bMs, bNumber, bIndex = Infinity] = POSITION.exec(b)!;
  const order = Number(aMs) - Number(bMs) || Number(aNumber) - Number(bNumber);
  return order || (aIndex === bIndex ? 0 : Number(aIndex) - Number(bIndex));
}

/** The index of the first of `items`, which are in their order, that comes after `position`. */
export function indexAfter(items: readonly { position: Position }[], position: Position, first = 0): number {
  let low = first, high = items.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (comparePositions(items[middle]!.position, position) > 0) high = middle;
    else low = middle + 1;
  }
  return low;
}
