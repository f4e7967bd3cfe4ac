/** Why a connection changed, as the app and the state machine say it. */
import type { Code } from "../protocol/codes.ts";

/**
 * Why there is no connection and none is tried: `idle` — not yet asked for · `stopped` — by `disconnect()` ·
 * `unauthorized` — there is no token, or a new one was refused too · `exhausted` — `maxAttempts` failed ·
 * `ended` — the server said stop.
 */
export type DisconnectReason = "idle" | "stopped" | "unauthorized" | "exhausted" | "ended";

/** Why a connection was lost, refused or not made. */
export interface Cause {
  /**
   * `lost` — the line went down or could not be opened · `timeout` — no session in time · `suspect` — a heartbeat was
   * not answered · `refused`, `ended` — the server said so · `token` — `getToken` failed · `offline`, `page` — the
   * machine or the page went away · `manual` — the app asked.
   */
  kind: "lost" | "timeout" | "suspect" | "refused" | "ended" | "token" | "offline" | "page" | "manual";
  /** The server's code, of `refused` and `ended`. */
  code?: Code;
  /** A sentence for people and logs. */
  message: string;
}
