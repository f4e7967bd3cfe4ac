/**
 * Runs the tests: installs the Debian packages they drive where those are missing, builds the app once, passes its
 * arguments on to `deno test`, and ends with the run's own count in one line. With `--unit` it runs the files that
 * need nothing but Deno: no browser, no Redis, no other process.
 */
import { buildApp, BUILT } from "./support/app_build.ts";
import { testFiles, unitFiles } from "./support/test_files.ts";

const PACKAGES = {
  "redis-server": "/usr/bin/redis-server",
  "redis-sentinel": "/usr/bin/redis-sentinel",
  "chromium": "/usr/bin/chromium",
  "firefox-esr": "/usr/bin/firefox-esr",
  "webkit2gtk-driver": "/usr/bin/WebKitWebDriver",
  "xvfb": "/usr/bin/Xvfb",
  "python3-socketio": "/usr/lib/python3/dist-packages/socketio",
  "python3-aiohttp": "/usr/lib/python3/dist-packages/aiohttp",
  "python3-requests": "/usr/lib/python3/dist-packages/requests",
  "python3-websocket": "/usr/lib/python3/dist-packages/websocket",
};
/** Most files wait more than they compute. */
const JOBS = "5";

async function exists(path: string): Promise<boolean> {
  try {
    await Deno.stat(path);
    return true;
  } catch {
    return false;
  }
}

async function run(command: string, args: string[], env: Record<string, string> = {}): Promise<number> {
  const child = new Deno.Command(command, { args, env, stdin: "null" }).spawn();
  return (await child.status).code;
}

async function installMissing(): Promise<void> {
  const missing: string[] = [];
  for (const [name, path] of Object.entries(PACKAGES)) if (!await exists(path)) missing.push(name);
  if (missing.length === 0) return;
  console.log(`Installing ${missing.join(", ")}`);
  const quiet = { DEBIAN_FRONTEND: "noninteractive" };
  const become = Deno.uid() === 0 ? [] : ["sudo", "--preserve-env=DEBIAN_FRONTEND"];
  for (const args of [["update", "-qq"], ["install", "-y", "-qq", "--no-install-recommends", ...missing]]) {
    const [command, ...rest] = [...become, "apt-get", ...args];
    const code = await run(command!, rest, quiet).catch(() => 127);
    if (code !== 0) {
      console.error(`Cannot install what the tests need: install ${missing.join(", ")} and run again`);
      Deno.exit(1);
    }
  }
}

const SUMMARY =
  /^(?:ok|FAILED) \| (\d+) passed(?: \(.*?\))? \| (\d+) failed(?: \(.*?\))?(?: \| (\d+) ignored(?: \(.*?\))?)?/m;

/** Runs the tests, shows what they print, and answers how they ended. */
async function runTests(
  args: string[],
  env: Record<string, string>,
): Promise<{ code: number; summary: string }> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["test", "-P=test", "--no-prompt", "--parallel", "--trace-leaks", ...args],
    env: { NO_COLOR: "1", DENO_JOBS: Deno.env.get("DENO_JOBS") ?? JOBS, ...env },
    stdin: "null",
    stdout: "piped",
  }).spawn();
  let last = "";
  for await (const text of child.stdout.pipeThrough(new TextDecoderStream())) {
    last = (last + text).slice(-4000);
    await Deno.stdout.write(new TextEncoder().encode(text));
  }
  const { code } = await child.status;
  const [, passed, failed, skipped] = last.match(SUMMARY) ?? [];
  if (passed === undefined) return { code: code || 1, summary: "0 passed, 1 failed" };
  return {
    code,
    summary: `${passed} passed, ${failed} failed${skipped === undefined ? "" : `, ${skipped} skipped`}`,
  };
}

const unit = Deno.args.includes("--unit");
if (!unit) {
  await installMissing();
  await buildApp();
}
const args = Deno.args.filter((argument) => argument !== "--unit");
if (args.every((argument) => argument.startsWith("-"))) {
  args.push(...await (unit ? unitFiles() : testFiles()));
}
const { code, summary } = await runTests(args, unit ? {} : { [BUILT]: "1" });
console.log(summary);
Deno.exitCode = code;
