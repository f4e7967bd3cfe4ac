/** Remembers who was the first user of a data directory. */
import type { UserId } from "../protocol/ids.ts";
import { createOnce } from "./write_once_file.ts";

/** Whether `id` is the first user; the first call ever makes its `id` so, for good. */
export type IsFirstUser = (id: UserId) => Promise<boolean>;

/** Remembers the first user for as long as the process lives. */
export function firstUserInMemory(): IsFirstUser {
  let first: UserId | undefined;
  return (id) => Promise.resolve((first ??= id) === id);
}

/** Remembers the first user in the file `path`; also when several processes share it. */
export function firstUserInFile(path: string): IsFirstUser {
  return async (id) => {
    const kept = await createOnce(path, new TextEncoder().encode(id));
    return new TextDecoder().decode(kept) === id;
  };
}
