/** What a session asks of the connection below it, and the frames that pass between them. */
import type { TransportName } from "./options.ts";

/**
 * An encoded packet: text begins with the digit of its type (`"4hello"`), bytes are a binary message.
 * Polling turns bytes into base64 when it writes a payload; WebSocket sends both as they are.
 */
export type Frame = string | Uint8Array<ArrayBuffer>;

/** A frame that waits for its turn. */
export interface Queued {
  readonly frame: Frame;
  /** Called once the transport has taken it. */
  readonly sent: (() => void) | undefined;
}

/** How a transport is let go. */
export interface Farewell {
  /** Sent before the goodbye whatever the room, by a WebSocket; polling has no way to, and ignores it. */
  last?: readonly Queued[];
  /** The client knows already: it asked for it, or goes on elsewhere. */
  quiet?: boolean;
  /** The close code of a WebSocket; default 1000. */
  code?: number;
}

/** One way to reach the client. A session owns exactly one, and swaps it once when it upgrades. */
export interface Transport {
  readonly name: TransportName;
  /** Whether a frame would leave now. Socket.IO drops volatile packets while it is false. */
  readonly writable: boolean;
  /** Bytes that were handed over and have not left the process. */
  readonly bufferedBytes: number;
  /** Takes one frame if there is room for it at once. */
  offer(frame: Frame): boolean;
  /** Takes what it can from the start of `queue`; answers how many. */
  flush(queue: readonly Queued[]): number;
  /** Tells the client and lets go; false when there is no way to tell it at present. */
  close(farewell?: Farewell): boolean;
}
