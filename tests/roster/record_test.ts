import assert from "node:assert/strict";
import { sessionRecord } from "../../lib/roster/record.ts";
import { record } from "./records.ts";

Deno.test("sessionRecord() copies the fields of the contract and no other claim", () => {
  const source = record("a");
  const claims = { ...source.user, date_of_birth: "1815-12-10", bio: "x", gender: "f", settings: {} };
  assert.deepEqual(sessionRecord({ ...source, user: claims, token: "secret" } as typeof source), source);
});

Deno.test("sessionRecord() leaves out what the token did not say", () => {
  const source = record("a");
  const { email: _, ...user } = source.user;
  assert.deepEqual(Object.keys(sessionRecord({ ...source, user }).user), ["id", "name", "role"]);
});

Deno.test("sessionRecord() stays small whatever a client says", () => {
  const source = record("a");
  const user = { ...source.user, profile_image_url: `data:image/png;base64,${"A".repeat(100_000)}` };
  const small = sessionRecord({ ...source, user, userAgent: "x".repeat(10_000) });
  assert.ok(JSON.stringify(small).length < 1000);
  const image = "https://example.org/ada.png";
  assert.equal(
    sessionRecord({ ...source, user: { ...user, profile_image_url: image } }).user.profile_image_url,
    image,
  );
});
