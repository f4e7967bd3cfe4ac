/** A session that goes on with another node watches presence there as before, or is told that it does not. */
import assert from "node:assert/strict";
import { startFleet } from "../support/fleet.ts";
import { person } from "../support/people.ts";
import { roamingClient } from "../support/roaming_client.ts";
import { testToken } from "../support/tokens.ts";
import { until } from "../support/until.ts";

Deno.test("presence that a session watches goes with it from node to node", async (t) => {
  await using fleet = await startFleet({ nodes: 2, env: { PRESENCE_GRACE_S: "0" } });
  const [first, second] = fleet.nodes.map(({ url }) => url);
  const told: string[] = [];
  const ada = roamingClient({
    token: await testToken({ claims: { sub: "ada" } }),
    onEvent(name, payload) {
      const { id, status, degraded } = payload as { id: string; status: string; degraded: boolean };
      if (name === "presence:change") told.push(`${id} ${status}`);
      if (name === "session:degraded") told.push(`degraded ${degraded}`);
    },
  });
  const hears = (what: string) => until(() => Promise.resolve(told.includes(what)), { what });
  await using bob = await person(second!, "bob");
  await ada.connect(first!);
  await ada.ask("presence:list", {});

  await t.step("in good order, with what it missed", async () => {
    await using eve = await person(first!, "eve");
    await hears("eve online");
    await ada.close();
    await eve[Symbol.asyncDispose]();
    await bob.client.ask("heartbeat", { active: false });
    await using _max = await person(first!, "max");
    assert.equal((await ada.connect(second!)).recovered, true);
    await Promise.all(["eve offline", "bob away", "max online"].map(hears));
    await using _zoe = await person(first!, "zoe");
    await hears("zoe online");
  });

  await t.step("after the death of its node it is told to read anew", async () => {
    told.splice(0);
    await fleet.nodes[1]!.kill();
    await ada.ended;
    assert.equal((await ada.connect(first!)).recovered, true);
    await hears("degraded false");
    assert.deepEqual(told, ["degraded true", "degraded false"]);
  });
  await ada.close();
});
