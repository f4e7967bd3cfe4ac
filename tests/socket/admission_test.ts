import assert from "node:assert/strict";
import { ProtocolError } from "../../lib/protocol/codes.ts";
import { createAdmission } from "../../lib/socket/admission.ts";

function refusal(check: () => void): ProtocolError {
  try {
    check();
  } catch (error) {
    assert.ok(error instanceof ProtocolError);
    return error;
  }
  throw new assert.AssertionError({ message: "nothing was refused" });
}

Deno.test("check() refuses above the rate, each client with its own wait", () => {
  let draw = 0;
  const random = (): number => (draw += 0.1);
  const admission = createAdmission({
    connectsPerSecond: 2,
    now: () => 0,
    random,
  });
  admission.check();
  admission.check();
  const waits = [1, 2, 3].map(() => refusal(() => admission.check()));
  assert.ok(waits.every(({ code }) => code === "admission/overloaded"));
  assert.equal(new Set(waits.map(({ retryAfterMs }) => retryAfterMs)).size, 3);
});

Deno.test("check() refuses everybody while draining and spreads their return", () => {
  const admission = createAdmission({ connectsPerSecond: 100, random: () => 0 });
  admission.drain(10_000);
  const { code, retryAfterMs } = refusal(() => admission.check());
  assert.equal(code, "server/draining");
  assert.equal(retryAfterMs, 5000);
});
