/**
 * A fleet of presence services on one store under fake time, driven by a schedule; and the truth, worked out from the
 * schedule alone. The one thing they share is the rule: a session counts, as it was, until its grace or lease ends.
 */
import type { PresenceStatus } from "../../lib/protocol/events.ts";
import { nodeId, type SessionId, sessionId, type UserId, userId } from "../../lib/protocol/ids.ts";
import { createPresence, type PresenceService } from "../../lib/presence/service.ts";
import type { PresenceStore } from "../../lib/presence/store.ts";

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
  /** The node that held it last. */
  owner: Node | undefined;
}

interface Node {
  presence: PresenceService;
  die(): Promise<void>;
}

/** The clock that drives a run. */
export interface Clock {
  tickAsync(ms: number): Promise<unknown>;
}

/** Runs `steps` on services over `store`; returns what their listeners heard, in order. */
export async function runFleet(
  steps: readonly Step[],
  { store, clock }: { store: PresenceStore; clock: Clock },
): Promise<Heard[]> {
  const heard: Heard[] = [];
  const tabs: TabState[] = [];
  let nodesMade = 0;

  function start(): Node {
    let dead = false;
    const guarded = new Proxy(store, {
      get(target, method: keyof PresenceStore) {
        if (dead) return () => Promise.reject(new Error("a dead process does nothing"));
        return target[method].bind(target);
      },
    });
    const presence = createPresence({
      store: guarded,
      nodeId: nodeId(`node-${nodesMade++}`),
      onError(error) {
        if (!dead) throw error;
      },
    });
    presence.onChange(({ id, status }) => heard.push({ at: Date.now(), user: id, status }));
    return {
      presence,
      async die() {
        dead = true;
        await presence.close();
      },
    };
  }

  const nodes = Array.from({ length: NODES }, start);
  const alive = (): TabState[] => tabs.filter(({ node }) => node !== undefined);

  async function run(step: Step): Promise<void> {
    if (step.do === "open") {
      const node = nodes[step.node];
      const user = userId(`user-${step.user}`);
      const tab = { sid: sessionId(`tab-${tabs.length}`), user, node, owner: node };
      tabs.push(tab);
      await node?.presence.connect(tab.sid, { id: user, name: user }, { active: step.active });
    } else if (step.do === "kill") {
      const dying = nodes[step.node];
      nodes[step.node] = start();
      const lost = tabs.filter(({ node }) => node === dying);
      for (const tab of lost) tab.node = undefined;
      await dying?.die();
      // another node's reaper, for what nobody else has taken; killed again or not, some node does it
      setTimeout(() => {
        const dead = lost.filter(({ owner }) => owner === dying).map(({ sid }) => sid);
        void nodes[0]?.presence.removeSessions(dead);
      }, LEASE_MS);
    } else if (step.do === "recover") {
      const gone = tabs.filter(({ node }) => node === undefined);
      const tab = gone[step.pick % gone.length];
      if (!tab) return;
      tab.owner = tab.node = nodes[step.node];
      await tab.node?.presence.connect(tab.sid, { id: tab.user, name: tab.user }, { active: step.active });
    } else {
      const tab = alive()[step.pick % alive().length];
      if (step.do === "beat") tab?.node?.presence.heartbeat(tab.sid, step.active);
      else if (tab) {
        tab.node?.presence.disconnect(tab.sid);
        tab.node = undefined;
      }
    }
  }

  for (const step of steps) {
    await clock.tickAsync(step.waitMs);
    await run(step);
  }
  await clock.tickAsync(3 * LEASE_MS);
  await Promise.all(nodes.map((node) => node.presence.close()));
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
