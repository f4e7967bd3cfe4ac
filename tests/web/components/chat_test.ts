import assert from "node:assert/strict";
import FakeTimers from "@sinonjs/fake-timers";
import type { Connection } from "../../../lib/client/mod.ts";
import { type Chat, type ChatStart, createChat } from "../../../lib/web/components/chat/chat.ts";

const ADA = { id: "ada", name: "Ada", role: "user" }, BOB = { id: "bob", name: "Bob", role: "user" };
const CHANNELS = ["general", "plans"].map((id) => ({
  id,
  name: id,
  public: id === "general",
  createdBy: "ada",
  unread: 0,
}));

/** A connection that is told what happens, and a server that answers when it is told to. */
function setup(options: { isSeen?: () => boolean } = {}) {
  const sent: unknown[] = [];
  const listeners = new Map<string, (payload: unknown) => void>();
  const asked = new Map<string, PromiseWithResolvers<Record<string, unknown>>>();
  const connection = {
    state: { status: "connecting" },
    on(event: string, listener: (payload: unknown) => void) {
      listeners.set(event, listener);
      return () => {};
    },
    send: (_event: string, payload: { data: unknown; channel_id: string }) =>
      void sent.push([payload.channel_id, payload.data]),
  } as unknown as Connection;
  const start = {
    ...{ me: ADA, channels: CHANNELS, open: "general", messages: [], people: [], memberIds: ["ada"] },
  } as ChatStart;
  const chat: Chat = createChat(start, {
    isSeen: () => true,
    ask(method, path) {
      const answer = Promise.withResolvers<Record<string, unknown>>();
      asked.set(`${method} ${path}`, answer);
      return answer.promise;
    },
    ...options,
  });
  const stop = chat.follow(connection);
  return {
    ...{ chat, sent, asked },
    event: (channel_id: string, data: unknown, user: unknown = BOB) =>
      listeners.get("events:channel")!({ channel_id, message_id: null, data, user }),
    [Symbol.dispose]: stop,
  };
}

function message(id: string, content = id) {
  return { type: "message", data: { id, content, createdAt: 1, parentId: null } };
}

function withClock(run: (clock: FakeTimers.Clock) => void | Promise<void>): () => Promise<void> {
  return async () => {
    const clock = FakeTimers.install({ now: 1_000_000 });
    try {
      await run(clock);
    } finally {
      clock.uninstall();
    }
  };
}

Deno.test("Chat keeps messages in order, each once", () => {
  using page = setup({ isSeen: () => false });
  for (const id of ["02", "01", "02", "03"]) page.event("general", message(id));
  assert.deepEqual(page.chat.messages.value.map(({ id }) => id), ["01", "02", "03"]);
});

Deno.test(
  "Chat counts as unread what is said elsewhere, and reads what is seen, once for many messages",
  withClock((clock) => {
    let isSeen = true;
    using page = setup({ isSeen: () => isSeen });
    const unread = () => Object.fromEntries(page.chat.channels.value.map(({ id, unread }) => [id, unread]));
    page.event("plans", message("01"));
    page.event("plans", message("02"), ADA);
    for (let id = 10; id < 20; id++) page.event("general", message(String(id)));
    clock.tick(1000);
    assert.deepEqual(unread(), { general: 0, plans: 1 });
    assert.deepEqual(page.sent, [["general", { type: "last_read_at" }]]);
    isSeen = false;
    page.event("general", message("30"));
    clock.tick(1000);
    assert.equal(unread().general, 1);
    // read on another device
    page.event("general", { type: "last_read_at" }, ADA);
    assert.equal(unread().general, 0);
  }),
);

Deno.test(
  "Chat forgets who types after five seconds, at their message, and never names the user",
  withClock((clock) => {
    using page = setup({ isSeen: () => false });
    const typing = (on: boolean) => ({ type: "typing", data: { typing: on } });
    page.event("general", typing(true));
    page.event("general", typing(true), ADA);
    page.event("plans", typing(true), { id: "eve", name: "Eve" });
    assert.deepEqual(page.chat.typists.value, ["Bob"]);
    clock.tick(4_999);
    page.event("general", typing(true));
    clock.tick(4_999);
    assert.deepEqual(page.chat.typists.value, ["Bob"]);
    clock.tick(1);
    assert.deepEqual(page.chat.typists.value, []);
    page.event("general", typing(true));
    page.event("general", message("01"));
    assert.deepEqual(page.chat.typists.value, []);
    page.event("general", typing(true));
    page.event("general", typing(false));
    assert.deepEqual(page.chat.typists.value, []);
  }),
);

Deno.test(
  "Chat tells that the user types at most once a second, and when they stopped",
  withClock((clock) => {
    using page = setup();
    for (let key = 0; key < 30; key++) {
      page.chat.typed("x");
      clock.tick(100);
    }
    assert.equal(page.sent.length, 3);
    clock.tick(3_000);
    assert.deepEqual(page.sent.at(-1), ["general", { type: "typing", data: { typing: false } }]);
    page.chat.typed("y");
    page.chat.typed("");
    assert.deepEqual(
      page.sent.slice(4),
      [true, false].map((on) => ["general", { type: "typing", data: { typing: on } }]),
    );
  }),
);

Deno.test("Chat drops the answer for a channel that was left meanwhile", async () => {
  using page = setup({ isSeen: () => false });
  const { chat, asked } = page;
  const first = chat.show("plans");
  const plans = asked.get("GET /api/channels/plans/messages")!,
    members = asked.get("GET /api/channels/plans/members")!;
  const second = chat.show("general");
  asked.get("GET /api/channels/general/messages")!.resolve({ messages: [] });
  asked.get("GET /api/channels/general/members")!.resolve({ members: [ADA, BOB] });
  await second;
  plans.resolve({ messages: [{ ...message("01").data, user: BOB }] });
  members.resolve({ members: [ADA] });
  await first;
  assert.deepEqual([chat.open.value, chat.messages.value, chat.memberIds.value], ["general", [], [
    "ada",
    "bob",
  ]]);
});

Deno.test("Chat leaves a channel that the user was removed from", () => {
  using page = setup({ isSeen: () => false });
  void page.chat.show("plans");
  page.event("plans", { type: "channel:left" }, null);
  assert.equal(page.chat.open.value, "general");
  assert.deepEqual(page.chat.channels.value.map(({ id }) => id), ["general"]);
});
