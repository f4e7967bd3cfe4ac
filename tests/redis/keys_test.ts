import assert from "node:assert/strict";
import { keyFamily } from "../../lib/redis/keys.ts";

Deno.test("keyFamily() puts everything under the prefix, on a Cluster with the family's hash tag", () => {
  const isCluster = true;
  assert.equal(keyFamily({ isCluster: false }, "tether", "sessions")("user", "{x}"), "tether:user:{x}");
  assert.equal(keyFamily({ isCluster }, "tether", "sessions")("user", "{x}"), "tether:{sessions}:user:{x}");
  assert.throws(() => keyFamily({ isCluster }, "a{b", "c"), TypeError);
});
