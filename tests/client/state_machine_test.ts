/** The table of transitions: every state with every event, generated from the table itself. */
import assert from "node:assert/strict";
import {
  type Context,
  type Event,
  type EventType,
  REACH,
  type State,
  type StateName,
  transition,
  TRANSITIONS,
} from "../../lib/client/state_machine.ts";
import { statusOf } from "../../lib/client/connection_state.ts";
import { session } from "./support.ts";

const NOW = 1_000_000;
const STATES = Object.keys(REACH) as StateName[];
const EVENTS: { [Type in EventType]: Extract<Event, { type: Type }>[] } = {
  "connect": [{ type: "connect" }],
  "disconnect": [{ type: "disconnect" }],
  "reconnect": [{ type: "reconnect" }],
  "token": [{ type: "token", token: "t" }],
  "signed-out": [{ type: "signed-out" }],
  "token-failed": [{ type: "token-failed", message: "no" }],
  "ready": [{ type: "ready", session, wire: "websocket" }],
  "refused": verdicts("refused"),
  "ended": verdicts("ended"),
  "closed": [{ type: "closed", message: "transport close" }],
  "suspect": [{ type: "suspect" }],
  "timeout": [{ type: "timeout" }],
  "rtt": [{ type: "rtt", rttMs: 5 }],
  "extended": [{ type: "extended", expiresAt: 7 }],
  "degraded": [{ type: "degraded", degraded: true }, { type: "degraded", degraded: false }],
  "upgrade": [{ type: "upgrade", wire: "websocket" }],
  "offline": [{ type: "offline" }],
  "suspend": [{ type: "suspend" }],
  "resume": [{ type: "resume" }],
  "nudge": [{ type: "nudge" }],
};

function verdicts<Type extends "refused" | "ended">(type: Type): Extract<Event, { type: Type }>[] {
  return (["retry", "reauth", "stop"] as const).flatMap((action) =>
    [0, 9000].map((retryAfterMs) =>
      ({ type, code: "server/unavailable", action, message: "no", retryAfterMs }) as Extract<
        Event,
        { type: Type }
      >
    )
  );
}

/** States of one name in every shade that a transition looks at. */
function states(name: StateName): State[] {
  const resting = [0, 3].flatMap((attempt) =>
    (["current", "refresh"] as const).map((credentials) => ({ attempt, credentials }))
  );
  const cause = { kind: "lost", message: "gone" } as const;
  const rows = [0, 3].flatMap((attempt) =>
    (["current", "refresh", "refreshed"] as const).map((credentials) => ({ attempt, credentials }))
  );
  switch (name) {
    case "disconnected":
      return (["idle", "stopped", "unauthorized", "exhausted", "ended"] as const)
        .map((reason) => ({ name, reason, cause: null }));
    case "authorizing":
      return rows.flatMap((row) => [{ name, ...row, cause }, { name, ...row, cause: null }]);
    case "opening":
      return rows.flatMap((
        row,
      ) => [{ name, ...row, token: "t", cause }, { name, ...row, token: "t", cause: null }]);
    case "connected":
      return rows.flatMap((row) =>
        [NOW - 1, NOW - 60_000].map((since) =>
          ({ name, ...row, token: "t", session, since, wire: "polling", rttMs: null }) as const
        )
      );
    case "waiting":
      return resting.flatMap((row) =>
        [0, NOW + 9000].map((notBefore) => ({ name, ...row, cause, notBefore, retryAt: NOW + 9500 }) as const)
      );
    case "paused":
      return resting.flatMap((row) =>
        (["offline", "page"] as const).flatMap((by) =>
          [0, NOW + 9000].map((notBefore) => ({ name, by, ...row, cause, notBefore }) as const)
        )
      );
  }
}

const contexts: Context[] = [true, false].flatMap((online) =>
  [0, Infinity].map((maxAttempts) => ({
    now: NOW,
    online,
    maxAttempts,
    backoff: () => 1000,
    healthyAfterMs: 10_000,
  }))
);

for (const name of STATES) {
  Deno.test(`transition() in '${name}' does what the table says for every event`, () => {
    const reached = new Set<StateName>();
    for (const state of states(name)) {
      for (const event of Object.values(EVENTS).flat()) {
        for (const context of contexts) {
          const before = structuredClone(state);
          const to = transition(state, event, context);
          assert.deepEqual(state, before, "a state is never changed in place");
          if (!(event.type in TRANSITIONS[name])) {
            assert.equal(to, state, `'${event.type}' means nothing in '${name}'`);
            continue;
          }
          const allowed: readonly StateName[] = REACH[name];
          assert(
            to === state || allowed.includes(to.name),
            `'${event.type}' led from '${name}' to '${to.name}'`,
          );
          if (to !== state) reached.add(to.name);
          assert.equal(typeof statusOf(to).status, "string");
          if (to.name === "waiting") {
            assert(to.retryAt >= to.notBefore, "no attempt before the server allows it");
            assert(to.retryAt >= NOW, "no attempt in the past");
          }
        }
      }
    }
    assert.deepEqual([...reached].sort(), [...REACH[name]].sort(), "what can be reached is reached");
  });
}

Deno.test("transition() leaves a way to 'connected' and one to 'disconnected' from every state", () => {
  for (const start of STATES) {
    const seen = new Set<StateName>([start]);
    for (const name of seen) for (const next of REACH[name]) seen.add(next);
    assert(seen.has("connected") && seen.has("disconnected"), start);
  }
  for (const name of STATES) assert(name === "disconnected" || "disconnect" in TRANSITIONS[name], name);
});

Deno.test("transition() refreshes once between two rests, and again only after one", () => {
  const context = contexts[1]!;
  const reauth = EVENTS.refused.find(({ action }) => action === "reauth")!;
  const [token, failure, closed, timeout] = [
    ...EVENTS.token,
    ...EVENTS["token-failed"],
    ...EVENTS.closed,
    ...EVENTS.timeout,
  ] as const;
  const run = (...events: (Event | undefined)[]) =>
    events.reduce<State>(
      (state, event) => transition(state, event!, context),
      { name: "authorizing", attempt: 0, credentials: "current", cause: null },
    );

  const refused = run(token, reauth, token, reauth);
  assert(refused.name === "disconnected" && refused.reason === "unauthorized");
  // no new token was refused yet when getting one failed: it is tried again
  const again = run(token, reauth, failure, timeout);
  assert(again.name === "authorizing" && again.credentials === "refresh");
  // the new token may be old when the server is back
  const later = run(token, reauth, token, closed, timeout, token, reauth);
  assert(later.name === "authorizing" && later.credentials === "refresh");
});
