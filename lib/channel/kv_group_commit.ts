/** Writes to Deno KV in groups: a commit costs a few milliseconds, for one message as for a hundred. */

// below what one commit of Deno KV takes: 1,000 mutations, 800 KiB
const MAX_WRITES = 200;
const MAX_BYTES = 400_000;

/** One write, of about `bytes` bytes. */
interface Write {
  apply(batch: Deno.AtomicOperation): void;
  bytes: number;
}

/** What it returns resolves when a write is durable. While one group is written, the next gathers. */
export function createKvWriter(kv: Deno.Kv): (write: Write) => Promise<void> {
  const waiting: { write: Write; written: PromiseWithResolvers<void> }[] = [];
  let isWriting = false;

  async function writeAll(): Promise<void> {
    isWriting = true;
    while (waiting.length > 0) {
      let bytes = 0;
      const beyond = waiting.findIndex(({ write }, index) =>
        (bytes += write.bytes) > MAX_BYTES && index > 0 || index === MAX_WRITES
      );
      const group = waiting.splice(0, beyond < 0 ? waiting.length : beyond);
      const batch = kv.atomic();
      for (const { write } of group) write.apply(batch);
      try {
        await batch.commit();
        for (const { written } of group) written.resolve();
      } catch (error) {
        for (const { written } of group) written.reject(error);
      }
    }
    isWriting = false;
  }

  return (write) => {
    const written = Promise.withResolvers<void>();
    waiting.push({ write, written });
    if (!isWriting) void writeAll();
    return written.promise;
  };
}
