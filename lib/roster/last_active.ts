/** When users were last active, in the order of that; written behind to a durable store where there is one. */
import { OrderedMap } from "@js-sdsl/ordered-map";
import type { UserId } from "../protocol/ids.ts";
import { type LastActiveStore, MAX_SEEN, type PresenceCursor, type Seen } from "./store.ts";

/** As Redis orders a sorted set: by time, then by id. */
function compare(one: PresenceCursor, other: PresenceCursor): number {
  return one.at - other.at || (one.id < other.id ? -1 : Number(one.id > other.id));
}

/** At most {@linkcode MAX_SEEN} users. */
export class LastActive {
  readonly #seen = new Map<UserId, Seen>();
  readonly #ordered = new OrderedMap<PresenceCursor, Seen>([], compare);
  readonly #store: LastActiveStore | undefined;
  /** What is to be written: without a time, who is to be forgotten. */
  #unsaved = new Map<UserId, Seen | undefined>();

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
    const seen = { id, name, at: Math.max(at, known?.at ?? 0) };
    this.#set(seen);
    this.#unsaved.set(id, seen);
    if (this.#seen.size <= MAX_SEEN) return;
    const oldest = this.#ordered.front()![1];
    this.#seen.delete(oldest.id);
    this.#ordered.eraseElementByKey(oldest);
    this.#unsaved.set(oldest.id, undefined);
  }

  #set(seen: Seen): void {
    this.#seen.set(seen.id, seen);
    this.#ordered.setElement(seen, seen);
  }

  /** Those who were active last, before `after`; and the last of them, unless nobody comes behind. */
  page(limit: number, after?: PresenceCursor): { seen: Seen[]; next: PresenceCursor | null } {
    const seen: Seen[] = [];
    let place = this.#ordered.reverseUpperBound(after ?? { at: Infinity, id: "" as UserId });
    while (seen.length < limit && place.isAccessible()) {
      const user = place.pointer[1];
      seen.push(user);
      place = this.#ordered.reverseUpperBound(user);
    }
    const last = seen.at(-1);
    return { seen, next: last && place.isAccessible() ? { id: last.id, at: last.at } : null };
  }

  /** Writes what is new. Rejects when that fails; it is then written the next time. */
  async save(): Promise<void> {
    if (!this.#store) return;
    const unsaved = this.#unsaved;
    this.#unsaved = new Map();
    try {
      await this.#store.save(unsaved);
    } catch (error) {
      this.#unsaved = new Map([...unsaved, ...this.#unsaved]);
      throw error;
    }
  }
}
