/** Real redis-server processes for tests: standalone, Sentinel and Cluster, each on free ports and in its own folder. */

/** A redis-server process. Disposing it stops it and removes its folder. */
export interface RedisServer extends AsyncDisposable {
  readonly port: number;
  readonly url: string;
  /** The id of the process that runs at present. */
  readonly pid: number;
  /** Sends one command on a connection of its own; answers the raw reply. Arguments may hold no white space. */
  command(...args: (string | number)[]): Promise<string>;
  /** Resolves with the first line of the server's log, past or future, that `pattern` matches. */
  logged(pattern: RegExp): Promise<string>;
  /** Ends the process; `SIGKILL` leaves it no time to write. */
  stop(signal?: Deno.Signal): Promise<void>;
  /** Starts it again on the same port, with its data if it was started to persist. */
  start(options?: { empty?: boolean }): Promise<void>;
}

/** Options of {@linkcode startRedis}. */
export interface StartRedisOptions {
  /** Keep what was written over a restart. */
  persist?: boolean;
  /** More arguments of redis-server. */
  args?: string[];
}

/** Starts a redis-server and resolves when it accepts connections. */
export function startRedis({ persist = false, args = [] }: StartRedisOptions = {}): Promise<RedisServer> {
  return launch(/Ready to accept connections/, (port) => [
    ...["--port", `${port}`, "--bind", "127.0.0.1", "--save", "", "--appendonly", persist ? "yes" : "no"],
    ...args,
  ]);
}

/** A master, its replica and three sentinels. */
export interface SentinelFleet extends AsyncDisposable {
  readonly name: string;
  readonly master: RedisServer;
  readonly replica: RedisServer;
  readonly sentinels: readonly RedisServer[];
  /** Kills the master and resolves when all sentinels know the replica as the new one. */
  failover(): Promise<void>;
}

/** Starts a Sentinel fleet that fails over within about a second. */
export async function startSentinel(): Promise<SentinelFleet> {
  await using stack = new AsyncDisposableStack();
  const name = "mymaster";
  const master = stack.use(await startRedis({ args: ["--repl-diskless-sync-delay", "0"] }));
  const replica = stack.use(await startRedis({ args: ["--replicaof", "127.0.0.1", `${master.port}`] }));
  await replica.logged(/MASTER <-> REPLICA sync: Finished with success/);
  const sentinels = await Promise.all([1, 2, 3].map(() => startSentinelProcess(name, master.port)));
  for (const sentinel of sentinels) stack.use(sentinel);
  await Promise.all(sentinels.map(async (sentinel) => {
    await sentinel.logged(/\+slave slave/);
    for (const other of sentinels) {
      if (other !== sentinel) {
        await sentinel.logged(new RegExp(`\\+sentinel sentinel \\S+ 127\\.0\\.0\\.1 ${other.port} `));
      }
    }
  }));
  const owned = stack.move();
  return {
    name,
    master,
    replica,
    sentinels,
    async failover() {
      await master.stop("SIGKILL");
      await Promise.all(
        sentinels.map((sentinel) =>
          sentinel.logged(new RegExp(`\\+switch-master ${name} .* ${replica.port}$`))
        ),
      );
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

function startSentinelProcess(name: string, masterPort: number): Promise<RedisServer> {
  return launch(/\+monitor master/, (port, dir) => {
    const settings = [
      `port ${port}`,
      "bind 127.0.0.1",
      `sentinel monitor ${name} 127.0.0.1 ${masterPort} 2`,
      `sentinel down-after-milliseconds ${name} 500`,
      `sentinel failover-timeout ${name} 3000`,
    ];
    Deno.writeTextFileSync(`${dir}/sentinel.conf`, settings.join("\n"));
    return [`${dir}/sentinel.conf`, "--sentinel"];
  });
}

/** Three masters that share all slots. */
export interface ClusterFleet extends AsyncDisposable {
  readonly nodes: readonly RedisServer[];
  readonly url: string;
}

const SLOTS = 16384;

/** Starts a cluster and resolves when every node sees it whole. */
export async function startCluster(): Promise<ClusterFleet> {
  await using stack = new AsyncDisposableStack();
  const buses = [freePort(), freePort(), freePort()];
  const nodes = await Promise.all(buses.map((bus) =>
    startRedis({
      args: ["--cluster-enabled", "yes", "--cluster-port", `${bus}`, "--cluster-node-timeout", "2000"],
    })
  ));
  for (const node of nodes) stack.use(node);
  const first = nodes[0]!;
  for (const [i, node] of nodes.entries()) {
    const [from, to] = [Math.floor(SLOTS * i / 3), Math.floor(SLOTS * (i + 1) / 3) - 1];
    await node.command("CLUSTER", "SET-CONFIG-EPOCH", i + 1);
    await node.command("CLUSTER", "ADDSLOTSRANGE", from, to);
    if (node !== first) await node.command("CLUSTER", "MEET", "127.0.0.1", first.port, buses[0]!);
  }
  await Promise.all(nodes.map((node) => node.logged(/Cluster state changed: ok/)));
  const owned = stack.move();
  return { nodes, url: first.url, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

type Arguments = (port: number, dir: string) => string[];
const ATTEMPTS = 5;

/** A free port can be taken by someone else before the server has it: then another one is tried. */
async function launch(ready: RegExp, argumentsOf: Arguments): Promise<RedisServer> {
  for (let attempt = 1;; attempt++) {
    const port = freePort();
    const dir = await Deno.makeTempDir({ prefix: "tether-redis-" });
    const server = new Server(port, dir, { ready, args: argumentsOf(port, dir) });
    try {
      await server.start();
      return server;
    } catch (error) {
      await server[Symbol.asyncDispose]();
      if (attempt === ATTEMPTS) throw error;
    }
  }
}

function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

class Server implements RedisServer {
  readonly port: number;
  readonly #dir: string;
  readonly #args: string[];
  readonly #ready: RegExp;
  #process: Deno.ChildProcess | undefined;
  #lines: string[] = [];
  #listeners = new Set<() => void>();
  #reading: Promise<void> = Promise.resolve();

  constructor(port: number, dir: string, { ready, args }: { ready: RegExp; args: string[] }) {
    this.port = port;
    this.#dir = dir;
    this.#args = args;
    this.#ready = ready;
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  get pid(): number {
    return this.#process!.pid;
  }

  async start({ empty = false }: { empty?: boolean } = {}): Promise<void> {
    if (empty) {
      await Deno.remove(this.#dir, { recursive: true });
      await Deno.mkdir(this.#dir);
    }
    this.#lines = [];
    const child = new Deno.Command("redis-server", {
      args: [...this.#args, ...(this.#args.includes("--sentinel") ? [] : ["--dir", this.#dir])],
      stdin: "null",
      stdout: "piped",
      stderr: "null",
    }).spawn();
    this.#process = child;
    this.#reading = this.#read(child.stdout);
    await Promise.race([
      this.logged(this.#ready),
      this.#reading.then(() => {
        throw new Error(
          `Cannot start redis-server on port ${this.port}: ${this.#lines.at(-1) ?? "no output"}`,
        );
      }),
    ]);
  }

  async #read(stdout: ReadableStream<Uint8Array<ArrayBuffer>>): Promise<void> {
    let rest = "";
    for await (const text of stdout.pipeThrough(new TextDecoderStream())) {
      const lines = (rest + text).split("\n");
      rest = lines.pop()!;
      this.#lines.push(...lines);
      for (const listener of this.#listeners) listener();
    }
  }

  logged(pattern: RegExp): Promise<string> {
    return new Promise((resolve) => {
      const look = (): void => {
        const line = this.#lines.find((line) => pattern.test(line.trimEnd()));
        if (line === undefined) return;
        this.#listeners.delete(look);
        resolve(line);
      };
      this.#listeners.add(look);
      look();
    });
  }

  async command(...args: (string | number)[]): Promise<string> {
    using connection = await Deno.connect({ hostname: "127.0.0.1", port: this.port });
    await connection.write(new TextEncoder().encode(args.join(" ") + "\r\n"));
    const buffer = new Uint8Array(64 * 1024);
    const length = await connection.read(buffer);
    const reply = new TextDecoder().decode(buffer.subarray(0, length ?? 0));
    if (reply.startsWith("-")) throw new Error(`${args[0]}: ${reply}`);
    return reply;
  }

  async stop(signal: Deno.Signal = "SIGTERM"): Promise<void> {
    const child = this.#process;
    if (!child) return;
    this.#process = undefined;
    try {
      child.kill(signal);
    } catch {
      // it has ended by itself
    }
    await child.status;
    await this.#reading;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop("SIGKILL");
    await Deno.remove(this.#dir, { recursive: true });
  }
}
