/** Waits for what nobody announces: the state of another process. */

/** Resolves with the first value of `read` that is neither `undefined` nor `false`; asks every 20 ms. */
export async function until<T>(
  read: () => Promise<T | undefined | false>,
  { withinMs = 30_000, what = "it" }: { withinMs?: number; what?: string } = {},
): Promise<T> {
  const end = performance.now() + withinMs;
  for (;;) {
    const value = await read();
    if (value !== undefined && value !== false) return value;
    if (performance.now() > end) throw new Error(`Cannot wait any longer for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
