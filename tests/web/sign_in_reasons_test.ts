import assert from "node:assert/strict";
import { reasonFor } from "../../lib/web/sign_in_reasons.ts";

Deno.test("reasonFor() has a sentence for every text, also for names that every object has", () => {
  assert.equal(reasonFor("auth/expired"), "Your sign-in has expired. Please sign in again.");
  for (const code of ["", "no/such", "constructor", "__proto__", "toString"]) {
    assert.equal(reasonFor(code), "Please sign in again.");
  }
});
