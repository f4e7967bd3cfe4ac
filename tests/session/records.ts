/** Session records for tests. */
import { nodeId, sessionId, userId } from "../../lib/protocol/ids.ts";
import type { SessionRecord } from "../../lib/session/record.ts";

/** What a test says of a record; the rest is the same for all. */
export interface RecordParts {
  user?: string;
  node?: string;
  connectedAt?: number;
  lastSeenAt?: number;
  role?: string;
}

/** A record of session `sid`. */
export function record(sid: string, parts: RecordParts = {}): SessionRecord {
  const { user = "ada", node = "n1", connectedAt = 1000, lastSeenAt = connectedAt, role = "user" } = parts;
  return {
    sid: sessionId(sid),
    user: { id: userId(user), name: user, email: `${user}@example.org`, role },
    nodeId: nodeId(node),
    connectedAt,
    lastSeenAt,
    transport: "websocket",
    address: "192.0.2.1",
    userAgent: "test",
    expiresAt: null,
  };
}

/** The sids of records, sorted. */
export function sids(records: readonly SessionRecord[]): string[] {
  return records.map(({ sid }) => sid).sort();
}
