/** What a node keeps of its own sessions in the shared store. */
import type { SessionId, UserId } from "../protocol/ids.ts";
import type { SessionRecord } from "./record.ts";
import type { SessionStore } from "./store.ts";

/** This node's sessions, kept in step with the store. */
export interface SessionDirectory {
  open(record: SessionRecord): void;
  seen(sid: SessionId): void;
  close(sid: SessionId): void;
  countOfUser(id: UserId): Promise<number>;
}

/** Makes it. */
export function createSessionDirectory(store: SessionStore): SessionDirectory {
  const own = new Map<SessionId, SessionRecord>();
  return {
    open(record) {
      own.set(record.sid, record);
      void store.put([{ record, leaseUntil: Date.now() + 90_000 }]);
    },
    seen() {},
    close(sid) {
      const record = own.get(sid);
      own.delete(sid);
      if (record) void store.remove([record]);
    },
    countOfUser: (id) => store.countOfUser(id),
  };
}
