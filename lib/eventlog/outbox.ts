/**
 * What this node has sent and not yet heard. It writes each message, again when a connection was lost in between,
 * and makes sure that this node's own clients never wait for Redis. It is bounded: what does not fit goes to them only.
 */
import { isRetriableError } from "../redis/errors.ts";
import type { Log } from "../supervise.ts";
import type { Position } from "./packet_log.ts";

/** What becomes of a sent message in this process. */
export interface Sent {
  /** Called once: with its position, or without one when Redis is too slow or away. */
  deliver(position: Position | undefined): void;
  /** Called when it is heard after all. */
  heardLate?(position: Position): void;
}

/** Options of {@linkcode createOutbox}. */
export interface OutboxOptions {
  /** Writes the fields of a message to the stream. */
  write: (fields: readonly (string | number)[]) => Promise<unknown>;
  isUp: () => boolean;
  /** Messages do not reach the other nodes. */
  onMissed: (reason: string) => void;
  log: Log;
  /** The clock in milliseconds; it never goes back. */
  now?: () => number;
}

/** The messages on their way. Each gets the next number of this node, so that others notice when one is missing. */
export interface Outbox {
  /** The number of the last message. */
  readonly lastSeq: number;
  add(fields: readonly string[], sent: Sent): void;
  /** This node has heard its message. */
  heard(seq: number, position: Position): void;
  /** Delivers what waits to this node's clients: the link is broken. */
  release(): void;
  /** Writes again what was not written. */
  resend(): void;
  /** Delivers what has waited too long, and writes again what failed. */
  tick(): void;
  /** Whether a message is kept while Redis is away. Ending that gives up those that wait. */
  setPatient(patient: boolean): void;
  close(): void;
}

interface Item {
  fields: readonly (string | number)[];
  bytes: number;
  sentAt: number;
  state: "writing" | "written" | "failed";
  isDelivered: boolean;
  sent: Sent;
}

const MAX_ITEMS = 10_000;
const MAX_BYTES = 32 * 1024 * 1024;
const MAX_WAIT_MS = 500;

/** Makes an empty outbox. */
export function createOutbox(
  { write, isUp, onMissed, log, now = () => performance.now() }: OutboxOptions,
): Outbox {
  const items = new Map<number, Item>();
  let lastSeq = 0, bytes = 0, isPatient = true;

  function deliver(item: Item, position?: Position): void {
    if (item.isDelivered) return;
    item.isDelivered = true;
    item.sent.deliver(position);
  }

  function remove(seq: number, item: Item): void {
    if (items.delete(seq)) bytes -= item.bytes;
  }

  async function send(seq: number, item: Item): Promise<void> {
    item.state = "writing";
    try {
      await write(item.fields);
      item.state = "written";
    } catch (error) {
      item.state = "failed";
      if (isRetriableError(error)) return;
      log.error("A message to the fleet was refused", { error });
      remove(seq, item);
      deliver(item);
      onMissed("A message to the fleet was refused");
    }
  }

  function resend(): void {
    for (const [seq, item] of items) if (item.state === "failed") void send(seq, item);
  }

  function release(): void {
    for (const item of items.values()) deliver(item);
  }

  return {
    get lastSeq() {
      return lastSeq;
    },
    add(fields, sent) {
      const seq = ++lastSeq;
      const size = fields.reduce((sum, field) => sum + field.length, 0);
      const item: Item = {
        ...{ fields: [...fields, "seq", seq], bytes: size, sentAt: now(), sent },
        state: "failed",
        isDelivered: false,
      };
      const fits = items.size < MAX_ITEMS && bytes + size <= MAX_BYTES;
      if (!fits || !(isPatient || isUp())) {
        deliver(item);
        onMissed("Messages cannot be sent to the fleet");
        return;
      }
      items.set(seq, item);
      bytes += size;
      if (isUp()) void send(seq, item);
      if (!isUp() || !isPatient) deliver(item);
    },
    heard(seq, position) {
      const item = items.get(seq);
      if (item === undefined) return;
      remove(seq, item);
      if (item.isDelivered) item.sent.heardLate?.(position);
      else deliver(item, position);
    },
    release,
    resend,
    tick() {
      for (const item of items.values()) {
        if (item.sentAt > now() - MAX_WAIT_MS) break;
        deliver(item);
      }
      if (isUp()) resend();
    },
    setPatient(patient) {
      isPatient = patient;
      if (patient) return;
      release();
      for (const [seq, item] of items) {
        if (item.state === "written" || !isUp()) remove(seq, item);
      }
    },
    close: release,
  };
}
