/** Rosters of several nodes on fake time, over one store in memory that can be away or lose everything. */
import assert from "node:assert/strict";
import FakeTimers from "@sinonjs/fake-timers";
import { nodeId, type SessionId } from "../../lib/protocol/ids.ts";
import { createRoster } from "../../lib/roster/node_roster.ts";
import type { SessionRecord } from "../../lib/roster/record.ts";
import type { Roster, RosterOptions } from "../../lib/roster/roster.ts";
import { type TestLog, testLog } from "../support/redis_log.ts";
import { type FaultStore, faultStore } from "./fault_store.ts";
import { record, type RecordParts, sids } from "./records.ts";

export const LEASE_MS = 90_000, GRACE_MS = 5000;

/** What a test has in hand. */
export interface Fixture {
  clock: FakeTimers.Clock;
  store: FaultStore;
  /** That of node `n1`. */
  roster: Roster;
  log: TestLog;
  /** What all nodes announced, in order: `ada online`. */
  changes: string[];
  /** The sessions that were reported gone: `expired s1`. */
  gone: string[];
  /** The models that were announced, and when. */
  usage: [number, string[]][];
  /** Another node. */
  start(name: string): Roster;
  /** A record of now. */
  live(sid: string, parts?: RecordParts): SessionRecord;
  /** The sids in the store. */
  stored(): Promise<string[]>;
}

/** Registers a test; at its end no timer may be left. */
export function test(
  what: string,
  run: (fixture: Fixture) => Promise<void>,
  options: Partial<RosterOptions> = {},
): void {
  Deno.test(what, async () => {
    const clock = FakeTimers.install({
      now: 1_700_000_000_000,
      toFake: ["setTimeout", "clearTimeout", "Date"],
    });
    try {
      const store = await faultStore();
      const log = testLog();
      const rosters: Roster[] = [];
      const changes: string[] = [], gone: string[] = [], usage: Fixture["usage"] = [];
      const start = (name: string): Roster => {
        const roster = createRoster({
          ...{ store, log, nodeId: nodeId(name), leaseMs: LEASE_MS, graceMs: GRACE_MS },
          ...options,
        });
        roster.onChange((some) => changes.push(...some.map(({ id, status }) => `${id} ${status}`)));
        roster.onGone((records, reason) => gone.push(...sids(records).map((sid) => `${reason} ${sid}`)));
        roster.onUsage((models) => usage.push([Date.now(), models]));
        rosters.push(roster);
        return roster;
      };
      await run({
        ...{ clock, store, log, changes, gone, usage, start },
        roster: start("n1"),
        live: (sid, parts = {}) => record(sid, { connectedAt: Date.now(), ...parts }),
        stored: async () => sids(await Array.fromAsync(store.entries())),
      });
      store.isAway = false;
      store.latencyMs = 0;
      const disposed = Promise.all(rosters.map((roster) => roster[Symbol.asyncDispose]()));
      await clock.tickAsync(100);
      await disposed;
      assert.equal(clock.countTimers(), 0, "a timer is left");
    } finally {
      clock.uninstall();
    }
  });
}

/** The names of sessions, as ids. */
export const sid = (name: string): SessionId => name as SessionId;
