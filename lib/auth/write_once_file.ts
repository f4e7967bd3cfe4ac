/** A small file that is written once and then only read. Works between processes. */

/**
 * The bytes of the file `path`, which gets `content` if it does not exist. Whoever is first wins, everybody gets
 * the winner's bytes, and nobody ever sees half a file: the content is complete before the name exists.
 */
export async function createOnce(path: string, content: Uint8Array): Promise<Uint8Array<ArrayBuffer>> {
  try {
    return await Deno.readFile(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  const draft = `${path}.${crypto.randomUUID()}`;
  try {
    await writeDurably(draft, content);
    await Deno.link(draft, path);
  } catch (error) {
    if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
  } finally {
    await Deno.remove(draft).catch(() => {});
  }
  return await Deno.readFile(path);
}

/** Writes a file that only its owner may read, and that is on the disk before it gets its name. */
async function writeDurably(path: string, content: Uint8Array): Promise<void> {
  using file = await Deno.open(path, { createNew: true, write: true, mode: 0o600 });
  for (let written = 0; written < content.length;) written += await file.write(content.subarray(written));
  await file.syncData();
}
