/** Ids by when they fall due, in buckets of one second: a look costs what is due, not what is held. It has no timer. */
import { OrderedMap } from "@js-sdsl/ordered-map";

const BUCKET_MS = 1000;

/** An index of `Id` by due time, in epoch milliseconds. */
export class DueIndex<Id> {
  readonly #dueAt = new Map<Id, number>();
  readonly #buckets = new OrderedMap<number, Set<Id>>();

  /** How many ids are held. */
  get size(): number {
    return this.#dueAt.size;
  }

  /** When `id` falls due; `undefined` when it is not held. */
  get(id: Id): number | undefined {
    return this.#dueAt.get(id);
  }

  /** Sets or moves the due time of `id`. */
  set(id: Id, at: number): void {
    this.delete(id);
    this.#dueAt.set(id, at);
    const key = Math.floor(at / BUCKET_MS);
    const bucket = this.#buckets.getElementByKey(key);
    if (bucket) bucket.add(id);
    else this.#buckets.setElement(key, new Set([id]));
  }

  /** Forgets `id`; whether it was held. */
  delete(id: Id): boolean {
    const at = this.#dueAt.get(id);
    if (at === undefined) return false;
    this.#dueAt.delete(id);
    const key = Math.floor(at / BUCKET_MS);
    const bucket = this.#buckets.getElementByKey(key);
    bucket?.delete(id);
    if (bucket?.size === 0) this.#buckets.eraseElementByKey(key);
    return true;
  }

  /** Up to `limit` ids that are due at `now`, to within a second in their order. */
  due(now: number, limit: number): Id[] {
    const due: Id[] = [];
    const last = Math.floor(now / BUCKET_MS);
    for (const [key, bucket] of this.#buckets) {
      if (key > last) break;
      for (const id of bucket) {
        if (due.length >= limit) return due;
        if (this.#dueAt.get(id)! <= now) due.push(id);
      }
    }
    return due;
  }

  /** When the first of all falls due; `undefined` when none is held. */
  first(): number | undefined {
    let first: number | undefined;
    for (const id of this.#buckets.front()?.[1] ?? []) {
      const at = this.#dueAt.get(id)!;
      if (first === undefined || at < first) first = at;
    }
    return first;
  }
}
