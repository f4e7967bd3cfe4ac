/** How a built app reads its files. */
import assert from "node:assert/strict";
import { createBuildCache } from "../../lib/fresh/build_cache.ts";

Deno.test("readFile() keeps a small file in memory and streams a large one from disk", async () => {
  const root = await Deno.makeTempDir({ prefix: "fresh-test-" });
  try {
    const large = new Uint8Array(1024 * 1024 + 1).fill(7);
    await Deno.writeTextFile(`${root}/small`, "small");
    await Deno.writeFile(`${root}/large`, large);
    const entry = (filePath: string) => ({ filePath, hash: filePath, contentType: "text/plain" });
    const cache = createBuildCache(root, {
      version: "test",
      clientEntry: "",
      fsRoutes: [],
      islands: new Map(),
      staticFiles: new Map([["/small", entry("small")], ["/large", entry("large")]]),
    });
    const content = async (pathname: string) => {
      const file = (await cache.readFile(pathname))!;
      return { size: file.size, bytes: await new Response(await file.read()).bytes() };
    };

    for (let i = 0; i < 2; i++) {
      assert.deepEqual(await content("/large"), { size: large.length, bytes: large });
    }
    assert.equal((await content("/small")).size, 5);
    await Deno.remove(`${root}/small`);
    assert.equal(new TextDecoder().decode((await content("/small")).bytes), "small");
    assert.equal(await cache.readFile("/unknown"), null);
  } finally {
    await Deno.remove(root, { recursive: true });
  }
});
