/**
 * The session record: what the fleet knows of one connected session (contract §8).
 * It is an allow-list; a claim that is not named here never reaches a store.
 */
import type { User } from "../protocol/events.ts";
import type { NodeId, SessionId } from "../protocol/ids.ts";

/** How the session's bytes travel at present. */
export type SessionTransport = "polling" | "websocket";

/** One session. All times are epoch milliseconds. */
export interface SessionRecord {
  readonly sid: SessionId;
  readonly user: Readonly<User>;
  /** The node that holds the socket. */
  readonly nodeId: NodeId;
  /** When this node took the session; when two nodes claim one sid, the later one has it. */
  readonly connectedAt: number;
  readonly lastSeenAt: number;
  readonly transport: SessionTransport;
  readonly address: string;
  readonly userAgent: string;
  /** When the token runs out; `null` for a token without `exp`. */
  readonly expiresAt: number | null;
}

// both are the client's to choose; a record stays small whatever they say
const MAX_USER_AGENT_LENGTH = 256;
const MAX_IMAGE_URL_LENGTH = 2048;

/** Copies exactly the fields of a {@linkcode SessionRecord} out of `source`, which may carry any others. */
export function sessionRecord(source: SessionRecord): SessionRecord {
  return {
    sid: source.sid,
    user: sessionUser(source.user),
    nodeId: source.nodeId,
    connectedAt: source.connectedAt,
    lastSeenAt: source.lastSeenAt,
    transport: source.transport,
    address: source.address,
    userAgent: source.userAgent.slice(0, MAX_USER_AGENT_LENGTH),
    expiresAt: source.expiresAt,
  };
}

function sessionUser({ id, name, email, role, profile_image_url: image }: User): User {
  return {
    id,
    name,
    ...(email !== undefined && { email }),
    role,
    // an image that is written out inside its address is left away
    ...(image !== undefined && image.length <= MAX_IMAGE_URL_LENGTH && { profile_image_url: image }),
  };
}
