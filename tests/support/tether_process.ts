/** Runs Tether as its users do: a process of its own, built once, with the permissions of the image. */
import { buildApp } from "./app_build.ts";

export { TEST_SECRET } from "./test_secret.ts";

const ROOT = new URL("../../", import.meta.url).pathname;

/** Options of {@linkcode startTether}. */
export interface TetherProcessOptions {
  /** Settings beside `PORT`, `HOST`, `DATA_DIR` and `LOG_FORMAT`. */
  env?: Record<string, string>;
  /** Where data is kept; a folder of its own that is removed at the end unless given. */
  dataDir?: string;
  /** 0 (default): any. */
  port?: number;
  /** What is run, from the root of the project; default `serve.ts`. */
  script?: string;
  /** The most file descriptors that the process may have. */
  descriptors?: number;
}

/** A running server. Disposing it kills the process and removes its data. */
export interface TetherProcess extends AsyncDisposable {
  readonly url: string;
  readonly port: number;
  readonly pid: number;
  /** Everything it printed so far. */
  readonly output: string;
  /** Waits for a line that matches. */
  printed(pattern: RegExp): Promise<RegExpMatchArray>;
  /** SIGTERM, and waits for the end: the exit code. */
  stop(): Promise<number>;
  /** Waits for an end that it comes to by itself: the exit code. */
  exited(): Promise<number>;
  /** SIGKILL, and waits for the end. */
  kill(): Promise<void>;
  /** Starts it again on the same port with the same data and settings, after it was stopped or killed. */
  start(): Promise<void>;
}

/** Starts a server and waits until it listens. */
export async function startTether(options: TetherProcessOptions = {}): Promise<TetherProcess> {
  await buildApp();
  const dataDir = options.dataDir ?? await Deno.makeTempDir({ prefix: "tether-data-" });
  let port = options.port ?? 0;
  let child: Deno.ChildProcess | undefined;
  let output = "", reading: Promise<unknown> = Promise.resolve();
  const waiting = new Set<() => void>();

  async function read(stream: ReadableStream<Uint8Array<ArrayBuffer>>): Promise<void> {
    for await (const text of stream.pipeThrough(new TextDecoderStream())) {
      output += text;
      for (const check of waiting) check();
    }
  }

  function printed(pattern: RegExp): Promise<RegExpMatchArray> {
    return new Promise((resolve, reject) => {
      const running = child;
      const check = (): void => {
        const match = output.match(pattern);
        if (match === null) return;
        waiting.delete(check);
        resolve(match);
      };
      waiting.add(check);
      check();
      void running?.status.then(async () => {
        await reading;
        if (waiting.delete(check)) reject(new Error(`Cannot find ${pattern}: the server ended\n${output}`));
      });
    });
  }

  async function start(): Promise<void> {
    output = "";
    const args = [
      "run",
      "--no-prompt",
      "--allow-net",
      "--allow-env",
      "--allow-sys=hostname,osRelease,systemMemoryInfo",
      `--allow-read=${ROOT},${dataDir},/sys/fs/cgroup`,
      `--allow-write=${dataDir}`,
      options.script ?? "serve.ts",
    ];
    const limited = ["-c", `ulimit -n ${options.descriptors}; exec "$0" "$@"`, Deno.execPath(), ...args];
    child = new Deno.Command(options.descriptors === undefined ? Deno.execPath() : "/bin/sh", {
      args: options.descriptors === undefined ? args : limited,
      cwd: ROOT,
      env: {
        ...{ HOST: "127.0.0.1", NO_COLOR: "1", LOG_FORMAT: "json" },
        ...options.env,
        ...{ PORT: String(port), DATA_DIR: dataDir },
      },
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    reading = Promise.all([read(child.stdout), read(child.stderr)]);
    const [, listening] = await printed(/Tether is at http:\/\/[^:]+:(\d+)/);
    port = Number(listening);
  }

  async function end(signal?: Deno.Signal): Promise<number> {
    if (child === undefined) return 0;
    try {
      if (signal !== undefined) child.kill(signal);
    } catch (error) {
      // it has ended already
      if (!(error instanceof TypeError)) throw error;
    }
    const { code } = await child.status;
    await reading;
    child = undefined;
    return code;
  }

  try {
    await start();
  } catch (error) {
    if (options.dataDir === undefined) await Deno.remove(dataDir, { recursive: true });
    throw error;
  }
  return {
    get url() {
      return `http://127.0.0.1:${port}`;
    },
    get port() {
      return port;
    },
    get pid() {
      return child?.pid ?? 0;
    },
    get output() {
      return output;
    },
    printed,
    stop: () => end("SIGTERM"),
    exited: () => end(),
    kill: async () => void await end("SIGKILL"),
    start,
    async [Symbol.asyncDispose]() {
      await end("SIGKILL");
      if (options.dataDir === undefined) await Deno.remove(dataDir, { recursive: true });
    },
  };
}
