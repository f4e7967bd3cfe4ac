/** The app that tests serve, built once: by the run, or by the first test that needs it. */

const ROOT = new URL("../../", import.meta.url).pathname;
/** Set for the tests of a run that has built the app. */
export const BUILT = "TETHER_TEST_BUILT";

let building: Promise<void> | undefined;

/** Builds the app when its sources have changed. Runs that need it at once wait for each other. */
export function buildApp(): Promise<void> {
  return building ??= Deno.env.has(BUILT) ? Promise.resolve() : build();
}

async function build(): Promise<void> {
  await Deno.mkdir(`${ROOT}.test`, { recursive: true });
  using file = await Deno.open(`${ROOT}.test/build.lock`, { create: true, write: true });
  await file.lock(true);
  const { success, stderr, stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["task", "build", "--when-needed"],
    cwd: ROOT,
  }).output();
  if (success) return;
  const decoder = new TextDecoder();
  throw new Error(`Cannot build the app: ${decoder.decode(stdout)}${decoder.decode(stderr)}`);
}
