/** The session store of a single process. It holds no timer: whoever reaps asks it what has expired. */
import type { NodeId, SessionId, UserId } from "../protocol/ids.ts";
import { DueIndex } from "../due_index.ts";
import type { SessionRecord } from "./record.ts";
import type { ClaimOptions, ExpiredClaim, PutResult, SessionEntry, SessionStore } from "./store.ts";

/** Options of {@linkcode createMemorySessionStore}. */
export interface MemorySessionStoreOptions {
  /** The clock, in epoch milliseconds; default `Date.now`. */
  now?: () => number;
}

/** Creates an empty {@linkcode SessionStore} in this process's memory. */
export function createMemorySessionStore(options: MemorySessionStoreOptions = {}): SessionStore {
  return new MemorySessionStore(options.now ?? Date.now);
}

class MemorySessionStore implements SessionStore {
  readonly #now: () => number;
  readonly #records = new Map<SessionId, SessionRecord>();
  readonly #leases = new DueIndex<SessionId>();
  readonly #claims = new Map<SessionId, number>();
  readonly #ofUser = new Map<UserId, Set<SessionId>>();
  readonly #ofNode = new Map<NodeId, Set<SessionId>>();
  readonly #nodes = new DueIndex<NodeId>();
  #lastToken = 0;

  constructor(now: () => number) {
    this.#now = now;
  }

  put(entries: readonly SessionEntry[]): Promise<PutResult> {
    const result: PutResult = { added: [], refused: [], taken: [] };
    for (const entry of entries) this.#put(entry, result);
    return Promise.resolve(result);
  }

  #put(
    { record, leaseUntil, maxOfUser = Infinity }: SessionEntry,
    { added, refused, taken }: PutResult,
  ): void {
    const { sid } = record;
    const old = this.#records.get(sid);
    if (old && old.nodeId !== record.nodeId && old.connectedAt > record.connectedAt) {
      taken.push(sid);
      return;
    }
    if (!old && (this.#ofUser.get(record.user.id)?.size ?? 0) >= maxOfUser) {
      refused.push(sid);
      return;
    }
    if (!old || this.#claims.has(sid)) added.push(sid);
    if (old) this.#drop(old);
    this.#records.set(sid, record);
    this.#leases.set(sid, leaseUntil);
    addTo(this.#ofUser, record.user.id, sid);
    addTo(this.#ofNode, record.nodeId, sid);
  }

  remove(records: readonly SessionRecord[]): Promise<void> {
    for (const { sid, nodeId, connectedAt } of records) {
      const held = this.#records.get(sid);
      if (held?.nodeId === nodeId && held.connectedAt === connectedAt) this.#drop(held);
    }
    return Promise.resolve();
  }

  get(sid: SessionId): Promise<SessionRecord | undefined> {
    return Promise.resolve(this.#records.get(sid));
  }

  ofUser(userId: UserId): Promise<SessionRecord[]> {
    return Promise.resolve(Array.from(this.#ofUser.get(userId) ?? [], (sid) => this.#records.get(sid)!));
  }

  countOfUser(userId: UserId): Promise<number> {
    return Promise.resolve(this.#ofUser.get(userId)?.size ?? 0);
  }

  size(): Promise<number> {
    return Promise.resolve(this.#records.size);
  }

  async *entries(): AsyncGenerator<SessionRecord> {
    yield* this.#records.values();
  }

  renewNode(nodeId: NodeId, leaseUntil: number): Promise<boolean> {
    const known = (this.#nodes.get(nodeId) ?? -Infinity) > this.#now();
    this.#nodes.set(nodeId, leaseUntil);
    return Promise.resolve(known);
  }

  removeNode(nodeId: NodeId): Promise<void> {
    if (this.#ofNode.has(nodeId)) this.#nodes.set(nodeId, -Infinity);
    else this.#nodes.delete(nodeId);
    return Promise.resolve();
  }

  claimExpired({ limit, claimMs }: ClaimOptions): Promise<ExpiredClaim> {
    const now = this.#now();
    const token = ++this.#lastToken;
    const records: SessionRecord[] = [];
    const claim = (sid: SessionId): void => {
      this.#claims.set(sid, token);
      this.#leases.set(sid, now + claimMs);
      records.push(this.#records.get(sid)!);
    };
    for (const nodeId of this.#nodes.due(now, limit)) {
      for (const sid of this.#ofNode.get(nodeId) ?? []) {
        if (records.length === limit) break;
        deleteFrom(this.#ofNode, nodeId, sid);
        claim(sid);
      }
      if (!this.#ofNode.has(nodeId)) this.#nodes.delete(nodeId);
    }
    this.#leases.due(now, limit - records.length).forEach(claim);
    return Promise.resolve({ records, token });
  }

  finish({ records, token }: ExpiredClaim): Promise<void> {
    for (const { sid } of records) {
      const held = this.#records.get(sid);
      if (held && this.#claims.get(sid) === token) this.#drop(held);
    }
    return Promise.resolve();
  }

  onBack(): () => void {
    return () => {};
  }

  #drop({ sid, user, nodeId }: SessionRecord): void {
    this.#records.delete(sid);
    this.#leases.delete(sid);
    this.#claims.delete(sid);
    deleteFrom(this.#ofUser, user.id, sid);
    deleteFrom(this.#ofNode, nodeId, sid);
  }
}

function addTo<K>(sets: Map<K, Set<SessionId>>, key: K, sid: SessionId): void {
  const set = sets.get(key);
  if (set) set.add(sid);
  else sets.set(key, new Set([sid]));
}

function deleteFrom<K>(sets: Map<K, Set<SessionId>>, key: K, sid: SessionId): void {
  const set = sets.get(key);
  set?.delete(sid);
  if (set?.size === 0) sets.delete(key);
}
