/** What a page has to load for the connection manager. */
import assert from "node:assert/strict";
import { gzipSync } from "node:zlib";

const LIMIT_BYTES = 20_000;

Deno.test("bundle of the package face stays under 20 KB gzipped and holds nothing of a server", async () => {
  const entry = new URL("../../lib/client/mod.ts", import.meta.url).pathname;
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["bundle", "--quiet", "--minify", "--platform", "browser", entry],
  }).output();
  assert(success, new TextDecoder().decode(stderr));
  const size = gzipSync(stdout, { level: 9 }).byteLength;
  assert(size <= LIMIT_BYTES, `${size} bytes`);
  const code = new TextDecoder().decode(stdout);
  for (const foreign of ["node:", "Deno.", "process.env", "valibot"]) {
    assert(!code.includes(foreign), `'${foreign}' is no business of a browser`);
  }
});
