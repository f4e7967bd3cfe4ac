/** A body did not end in time. */
export class SlowBodyError extends Error {
  override readonly name = "SlowBodyError";
}

/**
 * The text of an HTTP body that may be larger than it should be, or never end. Reads no further and throws: a
 * `RangeError` once it has more than `maxBytes`, a {@linkcode SlowBodyError} when it takes longer than `timeoutMs`; a
 * `TypeError` when it is not UTF-8.
 */
export async function readBounded(
  body: ReadableStream<Uint8Array> | null,
  maxBytes: number,
  { timeoutMs = 10_000 }: { timeoutMs?: number } = {},
): Promise<string> {
  if (body === null) return "";
  const reader = body.getReader();
  let isLate = false;
  const timer = setTimeout(() => {
    isLate = true;
    reader.cancel().catch(() => {});
  }, timeoutMs);
  try {
    const text = await readText(reader, maxBytes);
    if (!isLate) return text;
  } catch (error) {
    if (!isLate) throw error;
  } finally {
    clearTimeout(timer);
  }
  throw new SlowBodyError(`The body did not end within ${timeoutMs} ms`);
}

async function readText(reader: ReadableStreamDefaultReader<Uint8Array>, maxBytes: number): Promise<string> {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  let bytes = 0, text = "";
  try {
    for (let read = await reader.read(); !read.done; read = await reader.read()) {
      bytes += read.value.length;
      if (bytes > maxBytes) throw new RangeError(`The body has more than ${maxBytes} bytes`);
      text += decoder.decode(read.value, { stream: true });
    }
    return text + decoder.decode();
  } catch (error) {
    await reader.cancel().catch(() => {});
    throw error;
  }
}
