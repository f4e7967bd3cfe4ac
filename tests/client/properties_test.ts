/** What must hold whatever happens in whatever order: 1,000 random histories. */
import assert from "node:assert/strict";
import fc from "fast-check";
import type { EnvironmentEvent } from "../../lib/client/mod.ts";
import { settle, type Stage, stage } from "./support.ts";

/** One thing that happens. */
type Step =
  | { by: "app"; what: "connect" | "disconnect" | "reconnect" | "request" }
  | { by: "server"; what: "ready" | "lose" | "stale" }
  | { by: "server"; what: "refuse" | "end"; action: string; retryAfterMs: number }
  | { by: "machine"; what: EnvironmentEvent }
  | { by: "time"; what: "advance" | "sleep"; ms: number }
  | { by: "luck"; token: "good" | "none" | "error" | "hang"; obliging: boolean };

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    by: fc.constant("app" as const),
    what: fc.constantFrom(
      "connect" as const,
      "disconnect" as const,
      "reconnect" as const,
      "request" as const,
    ),
  }),
  {
    weight: 2,
    arbitrary: fc.record({
      by: fc.constant("server" as const),
      what: fc.constantFrom("ready" as const, "ready" as const, "lose" as const, "stale" as const),
    }),
  },
  fc.record({
    by: fc.constant("server" as const),
    what: fc.constantFrom("refuse" as const, "end" as const),
    action: fc.constantFrom("retry", "retry", "reauth", "reauth", "stop", "nonsense"),
    retryAfterMs: fc.constantFrom(0, 0, 15_000),
  }),
  fc.record({
    by: fc.constant("machine" as const),
    what: fc.constantFrom<EnvironmentEvent[]>("offline", "online", "suspend", "resume", "visible", "active"),
  }),
  {
    weight: 2,
    arbitrary: fc.record({
      by: fc.constant("time" as const),
      what: fc.constantFrom("advance" as const, "advance" as const, "sleep" as const),
      ms: fc.constantFrom(250, 1000, 4000, 12_000),
    }),
  },
  fc.record({
    by: fc.constant("luck" as const),
    token: fc.constantFrom(
      "good" as const,
      "good" as const,
      "none" as const,
      "error" as const,
      "hang" as const,
    ),
    obliging: fc.boolean(),
  }),
);

/** A stage whose app keeps books of what it asked for. */
function play(): Stage & {
  take(step: Step): Promise<void>;
  pending(): number;
  outcomes: Map<number, string>;
} {
  let token: Extract<Step, { by: "luck" }>["token"] = "good";
  let asked = 0;
  const outcomes = new Map<number, string>();
  const s = stage({
    join: false,
    getToken: () => {
      if (token === "error") throw new Error("no network");
      return token === "hang" ? new Promise(() => {}) : token === "none" ? null : "t";
    },
  });

  function request(): void {
    const n = ++asked;
    const told = (outcome: string) => {
      assert(!outcomes.has(n), "a request ends once");
      outcomes.set(n, outcome);
    };
    s.connection.request("events:channel", {
      channel_id: "c",
      data: { type: "message", data: { content: `${n}` } },
    })
      .then(() => told("ok"), ({ code }) => told(code));
  }

  async function take(step: Step): Promise<void> {
    switch (step.by) {
      case "app":
        if (step.what === "request") request();
        else s.connection[step.what]();
        break;
      case "server":
        if (step.what === "ready") s.transport.ready();
        else if (step.what === "lose") s.transport.lose();
        else if (step.what === "stale") s.transport.stale();
        else {
          const verdict = { code: "server/unavailable", message: "no", ...step };
          if (step.what === "refuse") s.transport.refuse(verdict);
          else s.transport.handlers?.onEvent("session:end", verdict);
        }
        break;
      case "machine":
        s.environment.tell(step.what);
        break;
      case "time":
        if (step.what === "advance") await s.clock.advance(step.ms);
        else s.clock.sleep(step.ms);
        break;
      case "luck":
        token = step.token;
        s.transport.obliging = step.obliging;
        break;
    }
    await settle();
  }
  return { ...s, take, pending: () => asked - outcomes.size, outcomes };
}

Deno.test("connection keeps its promises through 1,000 random histories", async () => {
  const seen = new Set<string>();
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40 }), async (steps) => {
      using s = play();
      const { connection, transport, clock } = s;
      for (const step of steps) {
        const before = connection.state;
        await s.take(step);
        const { state } = connection;
        if (step.by === "server" && step.what === "stale") assert.equal(state, before, "the past is over");
        const name = state.status === "reconnecting" ? state.phase : state.status;
        seen.add(name);
        assert.equal(transport.overlaps, 0, "never two lines");
        assert(clock.timers() <= 1 + s.pending(), "never two timers, those of waiting requests apart");
        const mayBeOpen = name === "connecting" || name === "connected" || name === "trying";
        assert(mayBeOpen || !transport.isOpen, `no line while ${name}`);
        if (name === "connected") assert(transport.isOpen, "a line while connected");
        if (name === "waiting" || name === "connected") assert(clock.timers() >= 1, `a timer while ${name}`);
        if (name === "paused") assert(clock.timers() <= s.pending(), "no timer while paused");
      }

      // always a way back
      await s.take({ by: "luck", token: "good", obliging: true });
      await s.take({ by: "machine", what: "online" });
      await s.take({ by: "machine", what: "visible" });
      for (let second = 0; second < 30 && connection.state.status !== "connected"; second++) {
        connection.connect();
        await clock.advance(1000);
        transport.ready();
      }
      assert.equal(connection.state.status, "connected");

      // every request went out at most once, in order, and has ended when everything is over
      connection.dispose();
      await settle();
      const sent = transport.sentOf("events:channel").map(({ payload }) =>
        (payload as { data: { data: number } }).data.data
      );
      assert.deepEqual(sent, [...new Set(sent)].sort((a, b) => a - b));
      assert.equal(s.pending(), 0);
      for (const [n, outcome] of s.outcomes) {
        assert(outcome !== "expired" && outcome !== "outbox-full" || !sent.includes(n), `${n}: ${outcome}`);
      }
      assert.equal(clock.timers(), 0);
      assert.equal(transport.isOpen, false);
      assert.equal(s.environment.listeners.size, 0);
    }),
    { numRuns: 1000, seed: 6 },
  );
  assert.deepEqual([...seen].sort(), [
    "connected",
    "connecting",
    "disconnected",
    "paused",
    "trying",
    "waiting",
  ]);
});
