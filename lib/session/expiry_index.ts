/** Ids by when they fall due, in buckets of one second: a look costs what is due, not what is held. */

const BUCKET_MS = 1000;

/** An index of `Id` by due time. */
export class ExpiryIndex<Id> {
  readonly #dueAt = new Map<Id, number>();
  readonly #buckets = new Map<number, Set<Id>>();

  /** When `id` falls due; `undefined` when it is not held. */
  get(id: Id): number | undefined {
    return this.#dueAt.get(id);
  }

  /** Sets or moves the due time of `id`, in epoch milliseconds. */
  set(id: Id, at: number): void {
    this.delete(id);
    this.#dueAt.set(id, at);
    const key = Math.floor(at / BUCKET_MS);
    const bucket = this.#buckets.get(key);
    if (bucket) bucket.add(id);
    else this.#buckets.set(key, new Set([id]));
  }

  /** Forgets `id`; whether it was held. */
  delete(id: Id): boolean {
    const at = this.#dueAt.get(id);
    if (at === undefined) return false;
    this.#dueAt.delete(id);
    const key = Math.floor(at / BUCKET_MS);
    const bucket = this.#buckets.get(key);
    bucket?.delete(id);
    if (bucket?.size === 0) this.#buckets.delete(key);
    return true;
  }

  /** Up to `limit` ids that are due at `now`. */
  due(now: number, limit: number): Id[] {
    const due: Id[] = [];
    const last = Math.floor(now / BUCKET_MS);
    for (const [key, bucket] of this.#buckets) {
      if (key > last) continue;
      for (const id of bucket) {
        if (due.length >= limit) return due;
        if (this.#dueAt.get(id)! <= now) due.push(id);
      }
    }
    return due;
  }
}
