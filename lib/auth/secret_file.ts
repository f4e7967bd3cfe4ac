/** The secret that a server without configured keys makes for itself and keeps with its data. */
import { createOnce } from "./write_once_file.ts";
import { MIN_SECRET_BYTES } from "./secret_keys.ts";

const LENGTH = 48;

/**
 * The secret kept in `directory`; made (random, readable by its owner only) when there is none yet.
 * Processes that start at once agree on one. Throws a `RangeError` when the file was cut short.
 */
export async function loadSecret(directory: string): Promise<Uint8Array<ArrayBuffer>> {
  await Deno.mkdir(directory, { recursive: true });
  const secret = await createOnce(`${directory}/secret`, crypto.getRandomValues(new Uint8Array(LENGTH)));
  if (secret.length < MIN_SECRET_BYTES) {
    throw new RangeError(`Cannot use the file "secret" in the data directory: it is too short`);
  }
  return secret;
}
