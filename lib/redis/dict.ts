/** A dictionary of JSON values that the processes of a fleet share, or that one process has to itself. */

/** Values by key. What is read is a copy: changing it changes nothing. */
export interface Dict<V> {
  get(key: string): Promise<V | undefined>;
  set(key: string, value: V): Promise<void>;
  /** Whether there was something to delete. */
  delete(key: string): Promise<boolean>;
  has(key: string): Promise<boolean>;
  size(): Promise<number>;
  /** Iterates in batches, in no certain order. What is written meanwhile may come once, twice or not at all. */
  keys(): AsyncIterable<string>;
  /** As {@linkcode keys}. */
  values(): AsyncIterable<V>;
  /** As {@linkcode keys}. */
  entries(): AsyncIterable<[key: string, value: V]>;
  /** Sets many; of a key that comes twice, the last. Readers may see a part of it meanwhile. */
  update(entries: Iterable<readonly [key: string, value: V]>): Promise<void>;
  /** The value of `key`, after setting it to `value` if there was none. */
  setDefault(key: string, value: V): Promise<V>;
  /** Puts `entries` in the place of all there is, at once: readers see all of the old or all of the new. */
  replaceAll(entries: Iterable<readonly [key: string, value: V]>): Promise<void>;
  clear(): Promise<void>;
}
