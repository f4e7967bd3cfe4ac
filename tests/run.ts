/**
 * Runs the tests: installs the Debian packages they drive where those are missing, passes its arguments on to
 * `deno test`, and ends with the run's own count in one line.
 */
const PACKAGES = {
  "redis-server": "/usr/bin/redis-server",
  "redis-sentinel": "/usr/bin/redis-sentinel",
  "chromium": "/usr/bin/chromium",
  "python3-socketio": "/usr/lib/python3/dist-packages/socketio",
  "python3-aiohttp": "/usr/lib/python3/dist-packages/aiohttp",
  "python3-requests": "/usr/lib/python3/dist-packages/requests",
  "python3-websocket": "/usr/lib/python3/dist-packages/websocket",
};

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

/** The counts of a JUnit report. */
function count(report: string): { passed: number; failed: number; skipped: number } {
  let total = 0, failed = 0, skipped = 0;
  for (const [suite] of report.matchAll(/<testsuite\s[^>]*>/g)) {
    const number = (name: string): number => Number(suite.match(new RegExp(`\\s${name}="(\\d+)"`))?.[1] ?? 0);
    total += number("tests");
    failed += number("failures") + number("errors");
    skipped += number("disabled");
  }
  return { passed: total - failed - skipped, failed, skipped };
}

await installMissing();
const reportPath = await Deno.makeTempFile({ prefix: "tether-tests-", suffix: ".xml" });
try {
  const paths = Deno.args.some((argument) => !argument.startsWith("-")) ? [] : ["tests/"];
  const code = await run(Deno.execPath(), [
    "test",
    "-P=test",
    "--no-prompt",
    "--trace-leaks",
    `--junit-path=${reportPath}`,
    ...Deno.args,
    ...paths,
  ], { NO_COLOR: "1" });
  const { passed, failed, skipped } = count(await Deno.readTextFile(reportPath));
  console.log(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`);
  Deno.exitCode = code;
} finally {
  await Deno.remove(reportPath);
}
