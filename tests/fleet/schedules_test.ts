/**
 * Events on three real nodes under random schedules: clients move, lose their connections and fall into black
 * holes. Every event comes once and in order to whoever was a member.
 * `FLEET_SCHEDULES` says how many schedules to run; `FLEET_SEED` runs those of a failure again; with
 * `FLEET_WEATHER=all` nodes are killed meanwhile, and their ways to Redis are cut.
 */
import assert from "node:assert/strict";
import { startFleet } from "../support/fleet.ts";
import { runBatch } from "./schedule_runner.ts";
import { batchOf } from "./schedules.ts";

const SCHEDULES = Number(Deno.env.get("FLEET_SCHEDULES") ?? 8);
const SEED = Number(Deno.env.get("FLEET_SEED") ?? Math.floor(Math.random() * 1_000_000));
const AT_ONCE = 40, ROUNDS = 6;
const KINDS = Deno.env.get("FLEET_WEATHER") === "all"
  ? ["calm", "kill", "kill", "redisCut", "redisCut"] as const
  : ["calm"] as const;
const RECOVERED = 0.95;

Deno.test(`each event comes once and in order under ${SCHEDULES} random schedules`, async () => {
  await using fleet = await startFleet({ links: true, env: { SESSIONS_PER_USER: "1000" } });
  let returns = 0, recovered = 0;
  for (let done = 0; done < SCHEDULES; done += AT_ONCE) {
    const count = Math.min(AT_ONCE, SCHEDULES - done);
    const batch = batchOf(SEED + done / AT_ONCE, { count, rounds: ROUNDS, kinds: KINDS });
    console.log(`FLEET_SEED=${batch.seed} FLEET_SCHEDULES=${batch.schedules.length}`);
    const start = performance.now();
    const outcome = await runBatch(fleet, batch);
    console.log(
      `  ${outcome.events} events; ${outcome.recovered} of ${outcome.returns} sessions recovered, ` +
        `${outcome.degraded} told of gaps; ${Math.round(performance.now() - start)} ms`,
    );
    assert.ok(outcome.faults.length === 0, outcome.faults.join("\n"));
    returns += outcome.returns;
    recovered += outcome.recovered;
  }
  assert.ok(recovered >= RECOVERED * returns, `${recovered} of ${returns} sessions were recovered`);
});
