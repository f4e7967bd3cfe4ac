/**
 * What can be checked of deploying without a container engine and without Deno Deploy: the image's own command in a
 * folder laid out like the image, and a start with the one variable by which Deploy is known.
 */
import assert from "node:assert/strict";
import { buildApp } from "./support/app_build.ts";
import { TEST_SECRET } from "./support/test_secret.ts";

const ROOT = new URL("../", import.meta.url).pathname;
const DEPLOYED = [
  "deno.json",
  "deno.lock",
  "main.ts",
  "stores.ts",
  "serve.ts",
  "healthcheck.ts",
  "lib",
  "routes",
  "islands",
  "_fresh",
];

/** The JSON array behind `instruction` in the Dockerfile. */
function command(dockerfile: string, instruction: RegExp): string[] {
  return JSON.parse(dockerfile.match(instruction)![1]!);
}

async function copy(from: string, to: string): Promise<void> {
  const { isDirectory } = await Deno.stat(from);
  if (!isDirectory) return await Deno.copyFile(from, to);
  await Deno.mkdir(to);
  for await (const { name } of Deno.readDir(from)) await copy(`${from}/${name}`, `${to}/${name}`);
}

interface Running extends AsyncDisposable {
  url: string;
  stop(): Promise<{ code: number; output: string }>;
}

async function run(
  [executable, ...args]: string[],
  { cwd, env }: { cwd: string; env: Record<string, string> },
): Promise<Running> {
  assert.equal(executable, "deno");
  const child = new Deno.Command(Deno.execPath(), {
    ...{ args, cwd, env: { NO_COLOR: "1", LOG_FORMAT: "json", ...env } },
    ...{ stdin: "null", stdout: "piped", stderr: "inherit" },
  }).spawn();
  const lines = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  let output = "", port: string | undefined;
  while (port === undefined) {
    const { value, done } = await lines.read();
    if (done) throw new Error(`Cannot start: ${output}`);
    output += value;
    port = output.match(/Tether is at http:\/\/[^:]+:(\d+)/)?.[1];
  }
  async function stop(): Promise<{ code: number; output: string }> {
    child.kill("SIGTERM");
    for (let next = await lines.read(); !next.done; next = await lines.read()) output += next.value;
    return { code: (await child.status).code, output };
  }
  let stopped: ReturnType<typeof stop> | undefined;
  return {
    url: `http://127.0.0.1:${port}`,
    stop: () => stopped ??= stop(),
    async [Symbol.asyncDispose]() {
      await (stopped ??= stop());
    },
  };
}

Deno.test("the image's command serves from read-only sources, passes its health check and leaves on SIGTERM", async () => {
  await buildApp();
  const dockerfile = await Deno.readTextFile(`${ROOT}Dockerfile`);
  const image = await Deno.makeTempDir({ prefix: "tether-image-" });
  try {
    const app = `${image}/app`, data = `${image}/data`;
    await Deno.mkdir(app);
    await Deno.mkdir(data);
    for (const name of DEPLOYED) await copy(`${ROOT}${name}`, `${app}/${name}`);
    const placed = (args: string[]): string[] =>
      args.map((arg) => arg.replaceAll("/app", app).replaceAll("/data", data));
    const serve = placed(command(dockerfile, /^CMD (.*)$/m));
    assert.ok(!serve.includes("-A") && !serve.includes("--allow-all"));
    assert.ok(serve.includes(`--allow-write=${data}`), "only the data can be written");

    await using server = await run(serve, {
      cwd: app,
      env: { PORT: "0", HOST: "127.0.0.1", DATA_DIR: data },
    });
    assert.equal(
      (await fetch(`${server.url}/sign-in`).then((response) => response.text())).includes("<form"),
      true,
    );
    const [deno, ...check] = placed(command(dockerfile, /^HEALTHCHECK[^]*?CMD (\[.*\])$/m));
    assert.equal(deno, "deno");
    const health = await new Deno.Command(Deno.execPath(), {
      args: check,
      cwd: app,
      env: { PORT: new URL(server.url).port },
    }).output();
    assert.equal(health.code, 0);
    assert.equal((await server.stop()).code, 0);
  } finally {
    await Deno.remove(image, { recursive: true });
  }
});

Deno.test("with DENO_DEPLOYMENT_ID set the server keeps no file and needs no permission to write", async () => {
  await buildApp();
  await using server = await run(
    [
      "deno",
      "run",
      "--no-prompt",
      "--allow-net",
      "--allow-env",
      "--allow-sys=hostname,osRelease,systemMemoryInfo",
      `--allow-read=${ROOT}`,
      "serve.ts",
    ],
    { cwd: ROOT, env: { PORT: "0", HOST: "127.0.0.1", JWT_SECRET: TEST_SECRET, DENO_DEPLOYMENT_ID: "test" } },
  );
  assert.equal((await fetch(`${server.url}/readyz`).then((response) => response.json())).ready, true);
  assert.equal((await server.stop()).code, 0);
});

Deno.test("a setting that is not good ends the start with one message and no stack", async () => {
  await buildApp();
  const { code, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-prompt", "--allow-env", "--allow-read", "--allow-sys", "serve.ts"],
    cwd: ROOT,
    env: { PORT: "eighty", LOG_LEVEL: "loud", NO_COLOR: "1" },
  }).output();
  const message = new TextDecoder().decode(stderr);
  assert.equal(code, 1);
  assert.match(message, /^Cannot start: 2 settings are not good\n {2}- PORT .*\n {2}- LOG_LEVEL .*\n$/);
});
