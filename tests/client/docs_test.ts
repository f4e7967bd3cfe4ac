/** What is public of the client is documented, all the way down to the fields of the contract. */
import assert from "node:assert/strict";

const ENTRIES = ["mod.ts", "preact.ts", "token_endpoint.ts"];

Deno.test("everything public of the client has a doc comment", async () => {
  const { success, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      "doc",
      "--lint",
      ...ENTRIES.map((name) => new URL(`../../lib/client/${name}`, import.meta.url).href),
    ],
    stdout: "null",
  }).output();
  assert(success, new TextDecoder().decode(stderr));
});
