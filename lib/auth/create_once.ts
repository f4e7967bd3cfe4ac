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
    await Deno.writeFile(draft, content, { createNew: true, mode: 0o600 });
    await Deno.link(draft, path);
  } catch (error) {
    if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
  } finally {
    await Deno.remove(draft).catch(() => {});
  }
  return await Deno.readFile(path);
}
