/**
 * A fleet of rosters on one store under fake time, driven by a schedule; and the truth, worked out from the schedule
 * alone. The one thing they share is the rule: a session counts, as it was, until its grace or lease ends.
 */
import assert from "node:assert/strict";
import type { PresenceStatus } from "../../lib/protocol/events.ts";
import { nodeId, type SessionId, sessionId, type UserId, userId } from "../../lib/protocol/ids.ts";
import { createRoster } from "../../lib/roster/node_roster.ts";
import type { Roster } from "../../lib/roster/roster.ts";
import type { RosterStore } from "../../lib/roster/store.ts";
import { testLog } from "../support/redis_log.ts";
import type { FaultStore } from "./fault_store.ts";
import { record, writer } from "./records.ts";

/** Odd times, so that what ends never falls together with a step of a schedule, which all are multiples of 100. */
export const GRACE_MS = 5_037;
export const LEASE_MS = 7_063;
const NODES = 3;

/** One step of a schedule; `pick` chooses among the sessions that the step can be about. */
export type Step =
  & { waitMs: number }
  & (
    | { do: "open"; user: number; node: number; active: boolean }
    | { do: "drop"; pick: number }
    | { do: "beat"; pick: number; active: boolean }
    | { do: "recover"; pick: number; node: number; active: boolean }
    | { do: "kill"; node: number }
  );

/** A change at a time. */
export interface Heard {
  at: number;
  user: UserId;
  status: PresenceStatus;
}

interface TabState {
  sid: SessionId;
  user: UserId;
  node: Node | undefined;
}

interface Node {
  name: string;
  roster: Roster;
  die(): Promise<void>;
}

/** The clock that drives a run. */
export interface Clock {
  tickAsync(ms: number): Promise<unknown>;
}

/** Runs `steps` on rosters over `store`; returns what their listeners heard, in order. */
export async function runFleet(
  steps: readonly Step[],
  { store, clock }: { store: FaultStore; clock: Clock },
): Promise<Heard[]> {
  const { latencyMs } = store;
  const ending: PromiseLike<unknown>[] = [];
  const heard: Heard[] = [];
  const tabs: TabState[] = [];
  let nodesMade = 0;

  function start(): Node {
    let dead = false;
    const guarded = new Proxy(store, {
      get(target, method: keyof RosterStore) {
        if (dead) return () => Promise.reject(new Error("a dead process does nothing"));
        return target[method].bind(target);
      },
    });
    const name = `node-${nodesMade++}`;
    const log = testLog();
    const roster = createRoster({
      store: guarded,
      nodeId: nodeId(name),
      log,
      // renewed when a third is left: at a node's death every session has more than the node's lease
      leaseMs: 4 * LEASE_MS,
      nodeLeaseMs: LEASE_MS,
      graceMs: GRACE_MS,
    });
    roster.onChange((changes) => {
      for (const { id, status } of changes) heard.push({ at: Date.now(), user: id, status });
    });
    return {
      name,
      roster,
      async die() {
        assert.deepEqual(log.lines.filter(({ level }) => level !== "info"), []);
        // its last sign of life
        store.latencyMs = 0;
        await store.write(writer(name, { leaseMs: LEASE_MS }), { leaves: [], entries: [] });
        store.latencyMs = latencyMs;
        dead = true;
        ending.push(roster[Symbol.asyncDispose]());
      },
    };
  }

  const nodes = Array.from({ length: NODES }, start);
  const alive = (): TabState[] => tabs.filter(({ node }) => node !== undefined);

  /** Nodes look for what others left behind once a second; here one does it in time. */
  function sweepIn(ms: number): void {
    setTimeout(() => void nodes[0]?.roster.sweep(), ms);
  }

  function open(tab: TabState, node: number, active: boolean): void {
    tab.node = nodes[node]!;
    const of = { user: tab.user, node: tab.node.name, connectedAt: Date.now() };
    ending.push(tab.node.roster.open(record(tab.sid, of)));
    if (!active) tab.node.roster.alive(tab.sid, false);
  }

  async function run(step: Step): Promise<void> {
    if (step.do === "open") {
      const user = userId(`user-${step.user}`);
      const tab = { sid: sessionId(`tab-${tabs.length}`), user, node: undefined };
      tabs.push(tab);
      open(tab, step.node, step.active);
    } else if (step.do === "kill") {
      const dying = nodes[step.node]!;
      nodes[step.node] = start();
      for (const tab of tabs.filter(({ node }) => node === dying)) tab.node = undefined;
      await dying.die();
      sweepIn(LEASE_MS);
    } else if (step.do === "recover") {
      const gone = tabs.filter(({ node }) => node === undefined);
      const tab = gone[step.pick % gone.length];
      if (tab) open(tab, step.node, step.active);
    } else {
      const tab = alive()[step.pick % alive().length];
      if (step.do === "beat") tab?.node?.roster.alive(tab.sid, step.active);
      else if (tab) {
        tab.node?.roster.close(tab.sid);
        tab.node = undefined;
        // its node may die before
        sweepIn(GRACE_MS);
      }
    }
  }

  for (const step of steps) {
    await clock.tickAsync(step.waitMs);
    await run(step);
  }
  await clock.tickAsync(3 * LEASE_MS);
  await Promise.all(nodes.map((node) => node.die()));
  await clock.tickAsync(100);
  await Promise.all(ending);
  return heard;
}

interface TabTruth {
  user: UserId;
  node: number | undefined;
  /** From each time on, how the tab counts; `undefined`: not at all. */
  history: { at: number; active: boolean | undefined }[];
  endsAt: number;
}

/** What watchers are to hear of `steps` that begin at `at`. */
export function truth(steps: readonly Step[], at: number): Heard[] {
  const tabs: TabTruth[] = [];

  function count(tab: TabTruth, active: boolean): void {
    if (tab.endsAt <= at) tab.history.push({ at: tab.endsAt, active: undefined });
    tab.endsAt = Infinity;
    tab.history.push({ at, active });
  }

  for (const step of steps) {
    at += step.waitMs;
    if (step.do === "open") {
      const tab = { user: userId(`user-${step.user}`), node: step.node, history: [], endsAt: Infinity };
      tabs.push(tab);
      count(tab, step.active);
    } else if (step.do === "kill") {
      for (const tab of tabs.filter(({ node }) => node === step.node)) {
        tab.node = undefined;
        tab.endsAt = at + LEASE_MS;
      }
    } else if (step.do === "recover") {
      const gone = tabs.filter(({ node }) => node === undefined);
      const tab = gone[step.pick % gone.length];
      if (!tab) continue;
      tab.node = step.node;
      count(tab, step.active);
    } else {
      const alive = tabs.filter(({ node }) => node !== undefined);
      const tab = alive[step.pick % alive.length];
      if (!tab) continue;
      if (step.do === "beat") count(tab, step.active);
      else Object.assign(tab, { node: undefined, endsAt: at + GRACE_MS });
    }
  }
  for (const tab of tabs) {
    if (tab.endsAt !== Infinity) tab.history.push({ at: tab.endsAt, active: undefined });
  }
  return [...new Set(tabs.map(({ user }) => user))].flatMap((user) =>
    changesOf(user, tabs.filter((tab) => tab.user === user))
  );
}

function changesOf(user: UserId, tabs: TabTruth[]): Heard[] {
  const times = [...new Set(tabs.flatMap(({ history }) => history.map(({ at }) => at)))].sort((a, b) =>
    a - b
  );
  const changes: Heard[] = [];
  let last: PresenceStatus = "offline";
  for (const at of times) {
    const counting = tabs.map(({ history }) => history.findLast((entry) => entry.at <= at)?.active);
    const status = counting.includes(true) ? "online" : counting.includes(false) ? "away" : "offline";
    if (status !== last) changes.push({ at, user, status });
    last = status;
  }
  return changes;
}
