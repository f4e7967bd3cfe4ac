/**
 * What this node has sent and not yet read back. All that one turn of the event loop sends goes out in one step, again
 * when a connection was lost in between; and this node's own clients never wait for Redis. It is bounded: what does
 * not fit goes to them only.
 */
import process from "node:process";
import { isRetriableError } from "../redis/errors.ts";
import type { Log } from "../log.ts";
import type { Header } from "./entry.ts";
import type { Position } from "./position.ts";

/** An event or message on its way. */
export interface Outgoing {
  /** The nodes that hold a member of one of these rooms, or the owner of the session of that id; all without any. */
  rooms?: readonly string[];
  /** Exactly this node instead. */
  node?: string;
  header: Header;
  text: string;
  /** For whom something is missing when it is lost: who is in these rooms, or everybody; nobody by default. */
  missedBy?: readonly string[];
  /** Present when this node reads it as well. Called once: with its place, or without one when Redis is slow or away. */
  deliver?(position: Position | undefined): void;
  /** Called with the nodes that it went to; without, when it could not be sent. */
  sent?(nodes?: readonly string[]): void;
}

/** Some of them, sent in one step. */
export interface Batch {
  /** The number of the first, over all that this node has sent. */
  number: number;
  items: readonly Outgoing[];
  /** It was sent before, and perhaps arrived. */
  isRetry: boolean;
}

/** Options of {@linkcode createOutbox}. */
interface OutboxOptions {
  /** Sends a batch; resolves with the nodes that each item with a `sent` went to, in turn. */
  write: (batch: Batch) => Promise<readonly (readonly string[])[]>;
  /** Called before what failed is sent again. */
  prepare: () => Promise<unknown>;
  isUp: () => boolean;
  /** Something will not reach those who are in `rooms`, or everybody, on other nodes. */
  onMissed: (rooms: readonly string[]) => void;
  log: Log;
  /** The clock in milliseconds; it never goes back. */
  now?: () => number;
}

/** What is on its way. */
interface Outbox {
  /** The number of the last event that was delivered here and is not read; 0 when there is none. */
  readonly ahead: number;
  add(item: Outgoing): void;
  /** This node has read its batch of this number; `entry` is its place. */
  read(number: number, entry: Position): void;
  /** Delivers what waits to this node's clients: the connection is broken. */
  release(): void;
  /** Sends again what was not sent, in its order. */
  resend(): void;
  /** Delivers what has waited too long, and sends again what failed. */
  tick(): void;
  /** Whether events are kept while Redis is away. Ending that gives up those that wait. */
  setPatient(patient: boolean): void;
  close(): void;
}

interface Pending extends Batch {
  bytes: number;
  since: number;
  state: "waiting" | "sending" | "sent";
  isDelivered: boolean;
}

const MAX_ITEMS = 10_000;
const MAX_BYTES = 32 * 1024 * 1024;
const MAX_BATCH_ITEMS = 500;
const MAX_BATCH_BYTES = 1024 * 1024;
const MAX_WAIT_MS = 500;

/** Makes an empty outbox. */
export function createOutbox(options: OutboxOptions): Outbox {
  const { write, prepare, isUp, onMissed, log, now = () => performance.now() } = options;
  const batches = new Map<number, Pending>();
  let next: Outgoing[] = [], nextBytes = 0;
  let lastNumber = 0, ahead = 0, count = 0, bytes = 0;
  // stalled: something could not be sent, and nothing may overtake it
  let isPatient = true, isStalled = false, isResending = false;

  function deliver(batch: Pending, entry?: Position): void {
    if (batch.isDelivered) return;
    batch.isDelivered = true;
    for (const [index, item] of batch.items.entries()) {
      if (item.deliver === undefined) continue;
      if (entry === undefined) ahead = batch.number + index;
      item.deliver(entry && `${entry}.${index}`);
    }
    if (batch.state === "sent") remove(batch);
  }

  function remove(batch: Pending): void {
    if (!batches.delete(batch.number)) return;
    bytes -= batch.bytes;
    count -= batch.items.length;
  }

  function giveUp(batch: Pending): void {
    remove(batch);
    deliver(batch);
    for (const { missedBy, sent } of batch.items) {
      if (missedBy !== undefined) onMissed(missedBy);
      sent?.();
    }
  }

  async function send(batch: Pending): Promise<void> {
    batch.state = "sending";
    try {
      const nodes = await write(batch);
      batch.state = "sent";
      if (batch.isDelivered) remove(batch);
      let asking = 0;
      for (const { sent } of batch.items) if (sent !== undefined) sent(nodes[asking++] ?? []);
    } catch (error) {
      batch.state = "waiting";
      batch.isRetry = isStalled = true;
      if (!isRetriableError(error)) {
        log.error("Events were refused by Redis", { error });
        giveUp(batch);
      }
      if (isUp()) resend();
    }
  }

  function flush(): void {
    if (next.length === 0) return;
    const batch: Pending = {
      number: lastNumber + 1,
      items: next,
      isRetry: false,
      bytes: nextBytes,
      since: now(),
      state: "waiting",
      // what concerns nobody here needs no place
      isDelivered: next.every(({ deliver }) => deliver === undefined),
    };
    lastNumber += next.length;
    next = [];
    nextBytes = 0;
    batches.set(batch.number, batch);
    if (!isUp()) isStalled = true;
    if (!isUp() || !isPatient) deliver(batch);
    if (!isStalled) void send(batch);
  }

  async function resendAll(): Promise<void> {
    isResending = true;
    try {
      await prepare();
      // one at a time, for only the last one that arrived is known there; more may be added meanwhile
      for (const batch of batches.values()) {
        if (batch.state === "waiting") await send(batch);
        if (batch.state === "waiting" && batches.has(batch.number)) return;
      }
      isStalled = false;
    } catch (error) {
      log.debug("Events wait for Redis", { error });
    } finally {
      isResending = false;
    }
  }

  function resend(): void {
    const isSending = batches.values().some(({ state }) => state === "sending");
    if (isStalled && !isResending && !isSending) void resendAll();
  }

  function release(): void {
    for (const batch of batches.values()) deliver(batch);
  }

  return {
    get ahead() {
      return ahead;
    },
    add(item) {
      const size = item.text.length + item.header.length;
      if (count >= MAX_ITEMS || bytes + size > MAX_BYTES || !(isPatient || isUp())) {
        flush();
        const number = ++lastNumber;
        const state = "waiting" as const;
        giveUp({ number, items: [item], isRetry: false, bytes: 0, since: 0, state, isDelivered: false });
        return;
      }
      count++;
      bytes += size;
      nextBytes += size;
      if (next.push(item) === 1) process.nextTick(flush);
      if (next.length >= MAX_BATCH_ITEMS || nextBytes >= MAX_BATCH_BYTES) flush();
    },
    read(number, entry) {
      const batch = batches.get(number);
      if (ahead < number + (batch?.items.length ?? 1)) ahead = 0;
      if (batch === undefined) return;
      batch.state = "sent";
      deliver(batch, entry);
      remove(batch);
    },
    release,
    resend,
    tick() {
      for (const batch of batches.values()) {
        if (batch.since > now() - MAX_WAIT_MS) break;
        deliver(batch);
      }
      if (isUp()) resend();
    },
    setPatient(patient) {
      isPatient = patient;
      if (patient) return;
      release();
      if (!isUp()) { for (const batch of [...batches.values()]) giveUp(batch); }
    },
    close() {
      flush();
      release();
    },
  };
}
