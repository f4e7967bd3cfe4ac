import assert from "node:assert/strict";
import { ProtocolError } from "../../lib/protocol/codes.ts";
import { userId } from "../../lib/protocol/ids.ts";
import { createAdmission } from "../../lib/socket/admission.ts";

const ada = userId("ada"), bob = userId("bob");

function refusal(check: () => void): ProtocolError {
  try {
    check();
  } catch (error) {
    assert.ok(error instanceof ProtocolError);
    return error;
  }
  throw new assert.AssertionError({ message: "nothing was refused" });
}

Deno.test("take() refuses above the rate, each client with its own wait", () => {
  let draw = 0;
  const random = (): number => (draw += 0.1);
  const admission = createAdmission({ connectsPerSecond: 2, now: () => 0, random });
  // those who did not come so far as to show a good token have taken nothing
  for (let count = 0; count < 100; count++) admission.check();
  admission.take(ada);
  admission.take(bob);
  const waits = [1, 2, 3].map(() => refusal(() => admission.take(ada)));
  assert.ok(waits.every(({ code }) => code === "admission/overloaded"));
  assert.equal(new Set(waits.map(({ retryAfterMs }) => retryAfterMs)).size, 3);
});

Deno.test("take() leaves the others their connects when one user comes again and again", () => {
  let now = 0;
  const admission = createAdmission({ connectsPerSecond: 400, now: () => now });
  for (let count = 0; count < 40; count++) admission.take(ada);
  for (let count = 0; count < 1000; count++) {
    assert.equal(refusal(() => admission.take(ada)).code, "admission/rate-limited");
  }
  for (let count = 0; count < 40; count++) admission.take(bob);
  now += 25;
  admission.take(ada);
});

Deno.test("check() refuses everybody while newcomers are held off", () => {
  const admission = createAdmission({ connectsPerSecond: 100, random: () => 0 });
  admission.hold(true);
  assert.equal(refusal(() => admission.check()).code, "admission/overloaded");
  admission.hold(false);
  admission.check();
});

Deno.test("check() refuses everybody while draining and spreads their return", () => {
  const admission = createAdmission({ connectsPerSecond: 100, random: () => 0 });
  admission.drain(10_000);
  const { code, retryAfterMs } = refusal(() => admission.check());
  assert.equal(code, "server/draining");
  assert.equal(retryAfterMs, 5000);
});
