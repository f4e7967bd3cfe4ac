/** What a person is told of the connection, on fake time. */
import assert from "node:assert/strict";
import { install } from "@sinonjs/fake-timers";
import { type ConnectionState, IDLE } from "../../../lib/client/mod.ts";
import { nodeId, sessionId, userId } from "../../../lib/protocol/ids.ts";
import {
  BACK_MS,
  createConnectionNotice,
  QUIET_MS,
  type Shown,
} from "../../../lib/web/components/connection_notice.ts";

const CONNECTING: ConnectionState = { status: "connecting" };
const CONNECTED: ConnectionState = {
  status: "connected",
  since: 0,
  rttMs: null,
  transport: "websocket",
  recovered: false,
  sid: sessionId("s"),
  user: { id: userId("ada"), name: "Ada", role: "user" },
  nodeId: nodeId("n"),
  expiresAt: null,
  degraded: false,
};
const RECONNECTING: ConnectionState = {
  status: "reconnecting",
  attempt: 1,
  phase: "waiting",
  retryAt: 1000,
  cause: { kind: "lost", message: "the line went down" },
};
const PAGE_AWAY: ConnectionState = {
  ...RECONNECTING,
  phase: "paused",
  retryAt: null,
  cause: { kind: "page", message: "the page was put away" },
};
const OFFLINE: ConnectionState = {
  ...RECONNECTING,
  phase: "paused",
  retryAt: null,
  cause: { kind: "offline", message: "the network is gone" },
};
const STOPPED: ConnectionState = { status: "disconnected", reason: "stopped", cause: null };

const LOST = "The connection was lost. Reconnecting…";
const BACK = "You are connected again.";

interface Told {
  update(...states: ConnectionState[]): void;
  advance(ms: number): void;
  /** What is shown now. */
  readonly now: Shown;
  /** Every sentence, in order, each once in a row. */
  readonly notices: string[];
}

function withNotice(body: (told: Told) => void): void {
  const clock = install();
  const shown: Shown[] = [];
  const notice = createConnectionNotice((next) => shown.push(next));
  try {
    body({
      update: (...states) => states.forEach((state) => notice.update(state)),
      advance: (ms) => void clock.tick(ms),
      get now() {
        return shown.at(-1)!;
      },
      get notices() {
        return shown.map(({ notice }) => notice).filter((notice, index, all) => notice !== all[index - 1]);
      },
    });
  } finally {
    notice[Symbol.dispose]();
    assert.equal(clock.countTimers(), 0, "a disposed notice leaves no timer");
    clock.uninstall();
  }
}

Deno.test("the notice says nothing while the first connection is made", () => {
  withNotice((told) => {
    told.update(IDLE, CONNECTING, CONNECTED);
    told.advance(10 * QUIET_MS);
    assert.deepEqual(told.notices, [""]);
    assert.equal(told.now.state, CONNECTED);
  });
});

Deno.test("the notice says nothing of a loss that is over within two seconds, and shows no other state", () => {
  withNotice((told) => {
    told.update(CONNECTED, RECONNECTING);
    told.advance(QUIET_MS - 1);
    assert.equal(told.now.state, CONNECTED);
    told.update(CONNECTED);
    told.advance(10 * QUIET_MS);
    assert.deepEqual(told.notices, [""]);
    assert.equal(told.now.state, CONNECTED);
  });
});

Deno.test("the notice counts the two seconds from the loss, not from the last attempt", () => {
  withNotice((told) => {
    told.update(CONNECTED, RECONNECTING);
    told.advance(QUIET_MS - 1);
    const second: ConnectionState = { ...RECONNECTING, attempt: 2 };
    told.update(second);
    told.advance(1);
    assert.deepEqual(told.now, { state: second, notice: LOST });
  });
});

Deno.test("the notice says a loss once, however many attempts follow, and once that it is over", () => {
  withNotice((told) => {
    told.update(CONNECTED, RECONNECTING);
    told.advance(QUIET_MS);
    for (let attempt = 2; attempt < 9; attempt++) told.update({ ...RECONNECTING, attempt });
    told.update(CONNECTED, { ...CONNECTED, rttMs: 5 });
    assert.equal(told.now.notice, BACK);
    told.advance(BACK_MS - 1);
    told.update({ ...CONNECTED, rttMs: 6 });
    assert.equal(told.now.notice, BACK);
    told.advance(1);
    told.update({ ...CONNECTED, rttMs: 7 });
    assert.deepEqual(told.notices, ["", LOST, BACK, ""]);
  });
});

Deno.test("the notice takes 'back' away in time although the next loss begins before", () => {
  withNotice((told) => {
    told.update(CONNECTED, RECONNECTING);
    told.advance(QUIET_MS);
    told.update(CONNECTED);
    told.advance(BACK_MS - 1000);
    told.update(RECONNECTING);
    told.advance(1000);
    assert.deepEqual(told.now, { state: CONNECTED, notice: "" });
    told.update(CONNECTED);
    told.advance(10 * BACK_MS);
    assert.deepEqual(told.notices, ["", LOST, BACK, ""]);
  });
});

Deno.test("the notice tells a server that was never reached from one that was lost", () => {
  withNotice((told) => {
    told.update(IDLE, CONNECTING, RECONNECTING);
    assert.equal(told.now.state, CONNECTING);
    told.advance(QUIET_MS);
    assert.equal(told.now.notice, "The server cannot be reached. Trying again…");
  });
});

Deno.test("the notice says that the network is gone, and then that it tries again", () => {
  withNotice((told) => {
    told.update(CONNECTED, OFFLINE);
    told.advance(QUIET_MS);
    told.update(RECONNECTING, CONNECTED);
    assert.deepEqual(told.notices, [
      "",
      "You are offline. Reconnecting when the network is back.",
      LOST,
      BACK,
    ]);
  });
});

Deno.test("the notice begins its two seconds when the page is back, not when it was put away", () => {
  withNotice((told) => {
    told.update(CONNECTED, PAGE_AWAY);
    told.advance(3_600_000);
    assert.deepEqual(told.now, { state: CONNECTED, notice: "" });
    told.update({ ...PAGE_AWAY, phase: "trying" });
    told.advance(QUIET_MS - 1);
    assert.deepEqual(told.now, { state: CONNECTED, notice: "" });
    told.advance(1);
    assert.equal(told.now.notice, LOST);
  });
});

Deno.test("the notice says at once why there is no connection any more, and drops what it was about to say", () => {
  withNotice((told) => {
    told.update(CONNECTED, RECONNECTING, STOPPED);
    assert.deepEqual(told.now, { state: STOPPED, notice: "Disconnected." });
    told.advance(10 * QUIET_MS);
    told.update(CONNECTING, CONNECTED);
    assert.deepEqual(told.notices, ["", "Disconnected.", ""]);
  });
});
