/**
 * The text of an HTTP body that may be larger than it should be. Throws a `RangeError`, and reads no further, once it
 * has more than `maxBytes`; a `TypeError` when it is not UTF-8.
 */
export async function readBounded(
  body: ReadableStream<Uint8Array> | null,
  maxBytes: number,
): Promise<string> {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  let bytes = 0, text = "";
  // leaving the loop early cancels the body
  for await (const chunk of body ?? []) {
    bytes += chunk.length;
    if (bytes > maxBytes) throw new RangeError(`The body has more than ${maxBytes} bytes`);
    text += decoder.decode(chunk, { stream: true });
  }
  return text + decoder.decode();
}
