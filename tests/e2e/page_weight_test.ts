/** What a page of the built app makes the browser load: all its JavaScript, along the module graph. */
import assert from "node:assert/strict";
import { gzipSync } from "node:zlib";
import { startTether, type TetherProcess } from "../support/tether_process.ts";

const LIMIT_BYTES = 35_000;

Deno.test("page weight", async (t) => {
  await using server = await startTether();
  const signedIn = await fetch(`${server.url}/api/auth/sign-in`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ name: "Ada" }),
  });
  const cookie = signedIn.headers.get("set-cookie")!.split(";")[0]!;
  await signedIn.body?.cancel();

  for (const [path, headers] of [["/sign-in", {}], ["/", { cookie }], ["/chat", { cookie }]] as const) {
    await t.step(`${path} loads at most 35 KB of JavaScript, gzipped`, async () => {
      const files = await loadAll(server, await scriptsOf(server, path, headers));
      assert(files.size > 0, "the page has islands");
      const size = [...files.values()].reduce(
        (sum, code) => sum + gzipSync(code, { level: 9 }).byteLength,
        0,
      );
      assert(size <= LIMIT_BYTES, `${size} bytes in ${[...files.keys()].join(", ")}`);
    });
  }
});

/** The modules that a page names: in its tags, its headers, and the script in it, which else holds only its data. */
async function scriptsOf({ url }: TetherProcess, path: string, headers: HeadersInit): Promise<string[]> {
  const answer = await fetch(`${url}${path}`, { headers, redirect: "error" });
  const html = await answer.text();
  const inline = [...html.matchAll(/<script[^>]*>([^]*?)<\/script>/g)].map(([, code]) => code).join("\n");
  const named = [
    ...html.matchAll(/<script[^>]* src="([^"]+)"/g),
    ...(answer.headers.get("link") ?? "").matchAll(/<([^>]+\.js)>/g),
  ].map(([, address]) => address!);
  return [...named, ...importsOf(inline)];
}

/** Every module that the page's scripts reach, by address. */
async function loadAll({ url }: TetherProcess, scripts: string[]): Promise<Map<string, string>> {
  const files = new Map<string, string>();
  const addresses = scripts.map((script) => new URL(script, url).href);
  for (const address of addresses) {
    if (files.has(address)) continue;
    const answer = await fetch(address);
    assert.equal(answer.status, 200, address);
    const code = await answer.text();
    files.set(address, code);
    addresses.push(...importsOf(code).map((specifier) => new URL(specifier, address).href));
  }
  return files;
}

/** What a module imports. */
function importsOf(code: string): string[] {
  return [...code.matchAll(/(?:\bfrom|\bimport)\s*["']([./][^"']*)["']/g)].map(([, specifier]) => specifier!);
}
