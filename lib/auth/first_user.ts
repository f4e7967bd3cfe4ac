/** Remembers who was the first user of a data directory. */
import type { UserId } from "../protocol/ids.ts";
import { createOnce } from "./write_once_file.ts";

/** Where the first user is remembered. */
export interface FirstUserStore {
  /** Whether `id` is the first user; the first call ever makes its `id` so, for good. */
  claim(id: UserId): Promise<boolean>;
}

/** Remembers the first user for as long as the process lives. */
export function createMemoryFirstUserStore(): FirstUserStore {
  let first: UserId | undefined;
  return { claim: (id) => Promise.resolve((first ??= id) === id) };
}

/** Remembers the first user in the file `path`; also when several processes share it. */
export function createFileFirstUserStore(path: string): FirstUserStore {
  return {
    async claim(id) {
      const kept = await createOnce(path, new TextEncoder().encode(id));
      return new TextDecoder().decode(kept) === id;
    },
  };
}
