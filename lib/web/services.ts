/** The services that pages and endpoints ask. `main.ts` builds them; this file only says what they are. */
import type { Identity } from "../auth/claims.ts";
import type { Demo } from "../auth/demo_sign_in.ts";
import type { ChannelService } from "../channel/service.ts";
import type { Metrics } from "../metrics.ts";
import type { SessionId, UserId } from "../protocol/ids.ts";
import type { PageOptions, SessionPage } from "../roster/page.ts";
import type { RequestLimits } from "./request_limits.ts";
import type { Outbound } from "../socket/outbound.ts";
import type { PresenceList, PresenceQuery } from "../socket/presence_view.ts";

/** What administrators may do. */
interface Administration {
  /** Some of the fleet's sessions. */
  sessions(page: PageOptions): Promise<SessionPage>;
  /** Ends a session, wherever it is. `false`: there is none. */
  endSession(sid: SessionId): Promise<boolean>;
  /** Revokes all tokens of a user issued until now, which ends their sessions. */
  revokeUser(id: UserId): Promise<void>;
  /** Takes that back. `false`: there was none. */
  restoreUser(id: UserId): Promise<boolean>;
}

/** Whether the process should get traffic. */
interface Readiness {
  ready: boolean;
  /** The failing part in words, when not ready. */
  reason?: string;
}

/** Everything a route may ask. */
export interface Services {
  /** Verifies a token that came with a request; throws an `auth/*` code. */
  authenticate(token: unknown): Promise<Identity>;
  /** `null` when tokens come from elsewhere. */
  signIn: Demo | null;
  /** Revokes the token of `identity`, and with it those that it was renewed from and to. */
  signOut(identity: Identity): Promise<void>;
  /** How many requests users and addresses may make. */
  limits: RequestLimits;
  administration: Administration;
  /** Origins beside our own whose pages may change something here. */
  allowedOrigins: readonly string[];
  /** Told of a failure that no answer explains. */
  failed(error: unknown): void;
  /** How those are whom `viewer` may see; all, without one. */
  presence(viewer: UserId | undefined, query: PresenceQuery): Promise<PresenceList>;
  channels: ChannelService;
  /** What a back end sends into open pages. */
  outbound: Pick<Outbound, "emit" | "call">;
  /** What a back end shows; `null`: there is none. */
  serviceToken: string | null;
  /** How long a call may take that does not say so. */
  callTimeoutMs: number;
  /** The largest body that a back end may send. */
  maxPayloadBytes: number;
  readiness(): Readiness;
  metrics: Metrics;
  /** `null`: metrics are open. */
  metricsToken: string | null;
}
