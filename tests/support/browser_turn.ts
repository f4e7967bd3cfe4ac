/** Whose turn it is to have a browser: two at a time on one machine, however many tests and runs want one. */
import { until } from "./until.ts";

const WAIT_MS = 600_000;

/** Waits for one of the places; disposing it gives the place back. */
export async function takeTurn(): Promise<Disposable> {
  return await until(async () => await takePlace(1) ?? await takePlace(2), {
    withinMs: WAIT_MS,
    what: "a browser that another test uses",
  });
}

/** The lock of a place, unless another holds it. It ends with the process that holds it, at the latest. */
async function takePlace(number: 1 | 2): Promise<Disposable | undefined> {
  const path = `${Deno.env.get("TMPDIR") ?? "/tmp"}/tether-browser-${Deno.uid()}-${number}.lock`;
  const file = await Deno.open(path, { create: true, write: true });
  if (await file.tryLock(true)) return file;
  file.close();
  return undefined;
}

/** A browser that does not start, which is seen on a busy machine, is started a second time. */
export async function onceMore<T>(start: () => Promise<T>): Promise<T> {
  try {
    return await start();
  } catch (error) {
    console.error(`The browser is started once more: ${error}`);
    return await start();
  }
}
