import assert from "node:assert/strict";
import { type Code, ProtocolError } from "../../lib/protocol/codes.ts";
import { createTokenDoor } from "../../lib/socket/token_door.ts";

function bad(code: Code = "auth/invalid-signature"): () => Promise<never> {
  return () => Promise.reject(new ProtocolError(code));
}
const good = (): Promise<string> => Promise.resolve("ada");

Deno.test("check() looks at fifty bad tokens of an address, then at none until time has passed", async () => {
  let now = 0, looks = 0;
  const door = createTokenDoor({ now: () => now });
  const look = (): Promise<never> => (looks++, bad()());
  // all at once: those that wait for their turn have no advantage
  const codes = await Promise.all(
    Array.from(
      { length: 500 },
      () => door.check("2001:db8::1", look).catch(({ code }: ProtocolError) => code),
    ),
  );
  assert.equal(looks, 50);
  assert.deepEqual([...new Set(codes)], ["auth/invalid-signature", "admission/rate-limited"]);
  await assert.rejects(door.check("2001:db8::2", good), { code: "admission/rate-limited", retryAfterMs: 20 });
  assert.equal(await door.check("2001:db8:0:1::1", good), "ada");
  now += 20;
  assert.equal(await door.check("2001:db8::2", good), "ada");
  await assert.rejects(door.check("2001:db8::2", bad("auth/expired")), { code: "auth/expired" });
  await assert.rejects(door.check("2001:db8::2", good), { code: "admission/rate-limited" });
});

Deno.test("check() charges nobody for good tokens, for what the server could not check, or without an address", async () => {
  const door = createTokenDoor({ now: () => 0 });
  for (let count = 0; count < 200; count++) {
    assert.equal(await door.check("192.0.2.1", good), "ada");
    await assert.rejects(door.check("192.0.2.1", bad("auth/keys-unavailable")), {
      code: "auth/keys-unavailable",
    });
    await assert.rejects(door.check("192.0.2.1", () => Promise.reject(new Error("broken"))), {
      message: "broken",
    });
    await assert.rejects(door.check("", bad()), { code: "auth/invalid-signature" });
  }
});
