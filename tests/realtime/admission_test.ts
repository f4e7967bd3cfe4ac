import assert from "node:assert/strict";
import { userId } from "../../lib/protocol/ids.ts";
import { ProtocolError } from "../../lib/protocol/codes.ts";
import { createAdmission } from "../../lib/realtime/admission.ts";

const ada = userId("ada");

function refusal(check: () => void): ProtocolError {
  try {
    check();
  } catch (error) {
    assert.ok(error instanceof ProtocolError);
    return error;
  }
  throw new assert.AssertionError({ message: "nothing was refused" });
}

Deno.test("checkLoad() refuses above the rate, each client with its own wait", () => {
  let draw = 0;
  const random = (): number => (draw += 0.1);
  const admission = createAdmission({
    ...{ connectsPerSecond: 2, sessionsPerUser: 1, countOfUser: () => Promise.resolve(0) },
    ...{ now: () => 0, random },
  });
  admission.checkLoad();
  admission.checkLoad();
  const waits = [1, 2, 3].map(() => refusal(() => admission.checkLoad()));
  assert.ok(waits.every(({ code }) => code === "admission/overloaded"));
  assert.equal(new Set(waits.map(({ retryAfterMs }) => retryAfterMs)).size, 3);
});

Deno.test("checkLoad() refuses everybody while draining and spreads their return", () => {
  const admission = createAdmission({
    ...{ connectsPerSecond: 100, sessionsPerUser: 1, countOfUser: () => Promise.resolve(0), random: () => 0 },
  });
  admission.drain(10_000);
  const { code, retryAfterMs } = refusal(() => admission.checkLoad());
  assert.equal(code, "server/draining");
  assert.equal(retryAfterMs, 5000);
});

Deno.test("checkUser() refuses a user at the cap", async () => {
  let count = 1;
  const admission = createAdmission({
    ...{ connectsPerSecond: 100, sessionsPerUser: 2, countOfUser: () => Promise.resolve(count) },
  });
  await admission.checkUser(ada);
  count = 2;
  await assert.rejects(admission.checkUser(ada), { code: "admission/too-many-sessions" });
});
