/** Lists all sessions of the fleet a page at a time, in the order of their ids, on any store. */
import type { SessionId } from "../protocol/ids.ts";
import { delay } from "../supervise.ts";
import type { SessionRecord } from "./record.ts";
import type { RosterStore } from "./store.ts";

/** At most `limit` sessions, after the last one of the page before. */
export interface PageOptions {
  limit: number;
  after?: SessionId;
}

/** Some of the sessions, and how many there are on all pages. */
export interface SessionPage {
  sessions: SessionRecord[];
  /** What to ask for the next page `after`; `null`: this is the last. */
  next: SessionId | null;
  total: number;
}

// how many records are read before other work gets its turn
const BATCH = 1000;

/** Reads a page. It reads every record but keeps no more than two pages of them. */
export async function pageOfSessions(
  store: RosterStore,
  { limit, after }: PageOptions,
): Promise<SessionPage> {
  let kept = new Map<SessionId, SessionRecord>();
  let last: SessionId | undefined;
  let read = 0;

  function smallest(): [SessionId, SessionRecord][] {
    return [...kept].sort(([one], [other]) => one < other ? -1 : 1).slice(0, limit + 1);
  }

  for await (const record of store.entries()) {
    if (++read % BATCH === 0) await delay(0);
    const { sid } = record;
    if ((after !== undefined && sid <= after) || (last !== undefined && sid > last)) continue;
    kept.set(sid, record);
    if (kept.size <= 2 * limit) continue;
    kept = new Map(smallest());
    last = [...kept.keys()].at(-1);
  }
  const sessions = smallest().map(([, record]) => record);
  const next = sessions.length > limit ? sessions[limit - 1]!.sid : null;
  return { sessions: sessions.slice(0, limit), next, total: await store.size() };
}
