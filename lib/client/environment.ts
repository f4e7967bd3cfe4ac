/** What the connection manager wants to know of the machine it runs on. An interface only; the browser's is beside it. */
import type { Unsubscribe } from "../emitter.ts";

/**
 * What happened to the machine or the page:
 * `offline`, `online` — the network went or came · `suspend`, `resume` — the page was put away (back/forward cache,
 * freezing) or taken out again · `visible` — the user came back to the page · `active` — first input after a while.
 */
export type EnvironmentEvent = "offline" | "online" | "suspend" | "resume" | "visible" | "active";

/** The machine around the connection. */
export interface Environment {
  /** Whether there may be a network. */
  online(): boolean;
  /** Whether the user is at the page: it is visible and had input in the last minute. */
  active(): boolean;
  /** Tells of events until the result is called. */
  watch(listener: (event: EnvironmentEvent) => void): Unsubscribe;
}

/** A machine that is always online and active, and where nothing happens. */
export const noEnvironment: Environment = {
  online: () => true,
  active: () => true,
  watch: () => () => {},
};
