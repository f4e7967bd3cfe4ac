/** Builds the fixture app on disk and serves it, for tests that ask a real server. */
import { Builder } from "fresh/dev";
import { fileURLToPath, pathToFileURL } from "node:url";

export const FIXTURE = fileURLToPath(new URL("./fixture/", import.meta.url));

export interface ServedFixture extends AsyncDisposable {
  /** Where it listens, without a slash at the end. */
  origin: string;
  /** The folder that the build wrote. */
  outDir: string;
  /** Asks for a path, and follows no redirect. */
  get(path: string, init?: RequestInit): Promise<Response>;
  /** The text of a page. */
  text(path: string): Promise<string>;
}

export async function serveFixture(): Promise<ServedFixture> {
  const outDir = await Deno.makeTempDir({ prefix: "fresh-test-" });
  await new Builder({ root: FIXTURE, outDir }).build();
  const { default: handler } = await import(pathToFileURL(`${outDir}/server.js`).href);
  const server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen() {} }, handler.fetch);
  const origin = `http://127.0.0.1:${server.addr.port}`;
  const get = (path: string, init?: RequestInit) => fetch(origin + path, { redirect: "manual", ...init });

  return {
    origin,
    outDir,
    get,
    text: async (path) => await (await get(path)).text(),
    async [Symbol.asyncDispose]() {
      await server.shutdown();
      await Deno.remove(outDir, { recursive: true });
    },
  };
}

/** Runs `body` with `console.error` collected in place of printed: handled failures are no noise. */
export async function withoutErrorLog<T>(body: (logged: unknown[]) => Promise<T>): Promise<T> {
  const print = console.error;
  const logged: unknown[] = [];
  console.error = (...values: unknown[]) => void logged.push(...values);
  try {
    return await body(logged);
  } finally {
    console.error = print;
  }
}
