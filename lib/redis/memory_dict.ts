/** The dictionary of a single process. It keeps values as JSON, so that it behaves as the shared one does. */
import type { Dict } from "./dict.ts";

/** Creates an empty {@linkcode Dict} in this process's memory. */
export function createMemoryDict<V>(): Dict<V> {
  return new MemoryDict<V>();
}

class MemoryDict<V> implements Dict<V> {
  #values = new Map<string, string>();

  get(key: string): Promise<V | undefined> {
    const json = this.#values.get(key);
    return Promise.resolve(json === undefined ? undefined : JSON.parse(json));
  }

  set(key: string, value: V): Promise<void> {
    return this.update([[key, value]]);
  }

  delete(key: string): Promise<boolean> {
    return Promise.resolve(this.#values.delete(key));
  }

  has(key: string): Promise<boolean> {
    return Promise.resolve(this.#values.has(key));
  }

  size(): Promise<number> {
    return Promise.resolve(this.#values.size);
  }

  async *keys(): AsyncGenerator<string> {
    yield* this.#values.keys();
  }

  async *values(): AsyncGenerator<V> {
    for (const json of this.#values.values()) yield JSON.parse(json);
  }

  async *entries(): AsyncGenerator<[string, V]> {
    for (const [key, json] of this.#values) yield [key, JSON.parse(json)];
  }

  update(entries: Iterable<readonly [string, V]>): Promise<void> {
    for (const [key, value] of entries) this.#values.set(key, JSON.stringify(value));
    return Promise.resolve();
  }

  async setDefault(key: string, value: V): Promise<V> {
    if (!this.#values.has(key)) await this.set(key, value);
    return (await this.get(key))!;
  }

  replaceAll(entries: Iterable<readonly [string, V]>): Promise<void> {
    this.#values = new Map();
    return this.update(entries);
  }

  clear(): Promise<void> {
    return this.replaceAll([]);
  }
}
