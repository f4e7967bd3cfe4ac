/** What whoever starts the server is told when it cannot start: a sentence, never a stack. */
import assert from "node:assert/strict";
import { startProblem } from "../lib/start_error.ts";
import { buildApp } from "./support/app_build.ts";

const ROOT = new URL("../", import.meta.url).pathname;

interface StartOptions {
  env?: Record<string, string>;
  permissions?: string[];
}

/** Starts the server with little, and waits for its end. */
async function start({ env = {}, permissions = [] }: StartOptions): Promise<{ code: number; text: string }> {
  await buildApp();
  const dataDir = await Deno.makeTempDir();
  try {
    const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: [
        "run",
        "--no-prompt",
        "--allow-net",
        "--allow-env",
        "--allow-sys=hostname,osRelease,systemMemoryInfo",
        `--allow-read=${ROOT},${dataDir}`,
        `--allow-write=${dataDir}`,
        ...permissions,
        "serve.ts",
      ],
      cwd: ROOT,
      signal: AbortSignal.timeout(30_000),
      env: { HOST: "127.0.0.1", NO_COLOR: "1", LOG_LEVEL: "error", PORT: "0", DATA_DIR: dataDir, ...env },
    }).output();
    const decoder = new TextDecoder();
    return { code, text: decoder.decode(stdout) + decoder.decode(stderr) };
  } finally {
    await Deno.remove(dataDir, { recursive: true });
  }
}

Deno.test("a port in use, a folder that cannot be written and a missing permission are one sentence each", async (t) => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const cases: [string, StartOptions, RegExp][] = [
    ["port", { env: { PORT: String(listener.addr.port) } }, /^Cannot start: the port is in use/],
    ["folder", { env: { DATA_DIR: "/proc/tether" } }, /DATA_DIR \/proc\/tether cannot be written/],
    [
      "permission",
      { permissions: ["--deny-net"] },
      /^Cannot start: Deno was started without a permission/,
    ],
  ];
  for (const [name, options, expected] of cases) {
    await t.step(name, async () => {
      const { code, text } = await start(options);
      assert.equal(code, 1);
      assert.match(text, expected);
      assert.doesNotMatch(text, /^\s+at /m);
    });
  }
});

Deno.test("startProblem() leaves faults of the program to be seen whole", () => {
  assert.equal(startProblem(new TypeError("x is not a function")), undefined);
});
