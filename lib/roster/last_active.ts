/** When users were last active, in the order of that; written behind to a durable store where there is one. */
import { OrderedMap } from "@js-sdsl/ordered-map";
import type { UserId } from "../protocol/ids.ts";
import { type LastActiveStore, MAX_SEEN, type PresenceCursor, type Seen } from "./store.ts";

/** As Redis orders a sorted set: by time, then by id. */
function compare(one: PresenceCursor, other: PresenceCursor): number {
  return one.at - other.at || (one.id < other.id ? -1 : Number(one.id > other.id));
}

/** The users who were seen, at most {@linkcode MAX_SEEN}. */
export class LastActive {
  readonly #seen = new Map<UserId, Seen>();
  readonly #ordered = new OrderedMap<PresenceCursor, Seen>([], compare);
  readonly #store: LastActiveStore | undefined;
  readonly #unsaved = new Set<UserId>();
  readonly #forgotten = new Set<UserId>();

  constructor(store: LastActiveStore | undefined, kept: readonly Seen[]) {
    this.#store = store;
    for (const seen of kept) this.#set(seen);
  }

  get size(): number {
    return this.#seen.size;
  }

  get(id: UserId): Seen | undefined {
    return this.#seen.get(id);
  }

  /** The latest time counts, and the newest name. */
  see({ id, name, at }: Seen): void {
    const known = this.#seen.get(id);
    if (known && known.at >= at && known.name === name) return;
    if (known) this.#ordered.eraseElementByKey(known);
    this.#set({ id, name, at: Math.max(at, known?.at ?? 0) });
    this.#unsaved.add(id);
    this.#forgotten.delete(id);
    if (this.#seen.size > MAX_SEEN) this.#forget(this.#ordered.front()![1]);
  }

  #set(seen: Seen): void {
    this.#seen.set(seen.id, seen);
    this.#ordered.setElement(seen, seen);
  }

  #forget(seen: Seen): void {
    this.#seen.delete(seen.id);
    this.#ordered.eraseElementByKey(seen);
    this.#unsaved.delete(seen.id);
    this.#forgotten.add(seen.id);
  }

  /** Those who were active last, before `after`; and whether they are the last. */
  page(limit: number, after?: PresenceCursor): { seen: Seen[]; isLast: boolean } {
    const seen: Seen[] = [];
    let next = this.#ordered.reverseUpperBound(after ?? { at: Infinity, id: "" as UserId });
    while (seen.length < limit && next.isAccessible()) {
      const user = next.pointer[1];
      seen.push(user);
      next = this.#ordered.reverseUpperBound(user);
    }
    return { seen, isLast: !next.isAccessible() };
  }

  /** Writes what is new. Rejects when that fails; it is then written the next time. */
  async save(): Promise<void> {
    if (!this.#store) return;
    const ids = [...this.#unsaved], forgotten = [...this.#forgotten];
    this.#unsaved.clear();
    this.#forgotten.clear();
    try {
      await this.#store.save(ids.map((id) => this.#seen.get(id)).filter((seen) => seen !== undefined));
      await this.#store.forget(forgotten);
    } catch (error) {
      for (const id of ids) this.#unsaved.add(id);
      for (const id of forgotten) this.#forgotten.add(id);
      throw error;
    }
  }
}
