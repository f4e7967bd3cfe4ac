/** Pages of Open WebUI, and a back end like theirs, work against Tether with only their URL and token changed. */
import assert from "node:assert/strict";
import { apiClient } from "../support/api.ts";
import { SERVICE_TOKEN, startFleet } from "../support/fleet.ts";
import { startTether, TEST_SECRET } from "../support/tether_process.ts";
import { testToken } from "../support/tokens.ts";
import { type Every, openWebuiPage } from "./open_webui_client.ts";

/** Timers that only run when told. */
function manualTimers() {
  const running = new Set<{ ms: number; task: () => void }>();
  const every: Every = (ms, task) => {
    const timer = { ms, task };
    running.add(timer);
    return { clear: () => running.delete(timer) };
  };
  return { every, running };
}

/** The token of a user as Open WebUI's back end issues it: `id`, and no `sub`. */
function theirToken(id: string, name: string): Promise<string> {
  return testToken({ claims: { sub: undefined, id, name, role: "user", profile_image_url: "/user.png" } });
}

/** Plays everything between two pages on `urls`, which lead to the same fleet, and a back end that calls the first. */
async function play(
  t: Deno.TestContext,
  { urls, websocket }: { urls: [string, string]; websocket: boolean },
) {
  const timers = manualTimers();
  const token = await theirToken("ada", "Ada");
  const backend = apiClient(urls[0], SERVICE_TOKEN);
  let answer: unknown;
  await using ada = openWebuiPage(urls[0], { token, websocket, every: timers.every, answer: () => answer });
  await ada.next("connect");
  await using ada2 = openWebuiPage(urls[1], { token, websocket, every: timers.every });
  await ada2.next("connect");
  await using bob = openWebuiPage(urls[1], {
    token: await theirToken("bob", "Bob"),
    websocket,
    every: timers.every,
  });
  await bob.next("connect");

  await t.step("the transports are theirs", async () => {
    const { engine } = ada.socket.io;
    if (!websocket && engine.transport.name === "polling") {
      await new Promise<void>((resolve) => engine.once("upgrade", () => resolve()));
    }
    assert.equal(engine.transport.name, "websocket");
  });

  await t.step("user-join answers id and name", async () => {
    const joined = await ada.socket.emitWithAck("user-join", { auth: { token } });
    assert.deepEqual([joined.id, joined.name], ["ada", "Ada"]);
    await ada2.socket.emitWithAck("user-join", { auth: { token } });
    await bob.socket.emitWithAck("user-join", { auth: { token: await theirToken("bob", "Bob") } });
  });

  await t.step("each page has one heartbeat, of 30 seconds, which is taken without an answer", () => {
    assert.deepEqual([...timers.running].map(({ ms }) => ms), [30_000, 30_000, 30_000]);
    for (const { task } of timers.running) task();
  });

  await t.step("join-channels takes their auth field", async () => {
    const { channelIds } = await bob.socket.emitWithAck("join-channels", { auth: { token: "whatever" } });
    assert.deepEqual(channelIds, ["general"]);
    bob.socket.emit("join-channels", { auth: { token: "whatever" } });
  });

  await t.step("join-note is known, and there is no such note", async () => {
    const { ok, error } = await bob.socket.emitWithAck("join-note", { note_id: "n1" });
    assert.deepEqual([ok, error.code], [false, "access/not-found"]);
  });

  await t.step("typing reaches the other members, with who it is, and no page of its sender", async () => {
    for (const typing of [true, false]) {
      const heard = bob.next("events:channel");
      ada.typing("general", typing);
      assert.deepEqual(await heard, {
        channel_id: "general",
        message_id: null,
        data: { type: "typing", data: { typing } },
        user: { id: "ada", name: "Ada", role: "user" },
      });
    }
    for (const page of [ada, ada2]) {
      await page.socket.emitWithAck("heartbeat", {});
      assert.deepEqual(page.heard["events:channel"], []);
    }
  });

  await t.step("last_read_at is stored and told to the user's other pages", async () => {
    const written = { channel_id: "general", data: { type: "message", data: { content: "Hi" } } };
    await bob.socket.emitWithAck("events:channel", written);
    const unread = async () => (await apiClient(urls[0], token)("GET /api/channels")).body.channels[0].unread;
    assert.ok(await unread() > 0);
    const told = new Promise<unknown>((resolve) =>
      ada2.socket.on("events:channel", (event) => event.data.type === "last_read_at" && resolve(event))
    );
    ada.lastRead("general");
    const { data, ...event } = await told as { data: { data: { last_read_at: number } } };
    assert.deepEqual(event, {
      channel_id: "general",
      message_id: null,
      user: { id: "ada", name: "Ada", role: "user" },
    });
    assert.ok(Math.abs(data.data.last_read_at - Date.now()) < 60_000);
    assert.equal(await unread(), 0);
  });

  await t.step("usage tells all which models are used, and when none is any more", async () => {
    const used = bob.next("usage");
    ada.usage("llama3:latest", "c1");
    assert.deepEqual(await used, { models: ["llama3:latest"] });
    assert.deepEqual(await bob.next("usage"), { models: [] });
  });

  await t.step("the back end's events reach every page of the user, exactly as they were sent", async () => {
    const events = [
      { type: "status", data: { action: "web_search", description: "Searching", done: false } },
      { type: "chat:completion", data: { choices: [{ delta: { content: "Hel" } }], done: false } },
      { type: "message", data: { content: "lo" } },
      { type: "replace", data: { content: "Hello" } },
      { type: "citation", data: { source: { name: "a" }, document: ["b"], metadata: [{ c: null }] } },
      { type: "chat:title", data: "A title" },
      { type: "notification", data: { type: "success", content: "Done" } },
    ].map((data) => ({ chat_id: "c1", message_id: "m1", data }));
    for (const event of events) {
      const heard = [ada.next("events"), ada2.next("events")];
      const { status, body } = await backend("POST /api/events", { to: { userIds: ["ada"] }, ...event });
      assert.deepEqual([status, body], [200, { sessions: 2 }]);
      assert.deepEqual(await Promise.all(heard), [event, event]);
    }
    assert.deepEqual(bob.heard.events, []);
  });

  await t.step("the back end's calls are answered by the page whose socket id they name", async () => {
    const call = (type: string, data: unknown) =>
      backend("POST /api/calls", {
        sessionId: ada.socket.id,
        chat_id: "c1",
        message_id: "m1",
        data: { type, data },
      });
    for (
      const [type, data, value] of [
        ["confirmation", { title: "Sure?", message: "Really?" }, true],
        ["input", { title: "Name", message: "", placeholder: "", value: "" }, "Ada"],
        ["execute", { code: "return 1" }, { result: 1, error: null }],
      ] as const
    ) {
      answer = value;
      const asked = ada.next("events");
      const { status, body } = await call(type, data);
      assert.deepEqual([status, body], [200, value]);
      assert.deepEqual(await asked, { chat_id: "c1", message_id: "m1", data: { type, data } });
    }
    answer = undefined;
    assert.deepEqual((await call("confirmation", {})).body, null);
  });

  await t.step("no page was told of any error", () => {
    for (const { heard } of [ada, ada2, bob]) assert.deepEqual(heard.error, []);
  });
}

for (const websocket of [true, false]) {
  const transports = websocket ? "websocket" : "polling, then websocket";
  Deno.test(`Open WebUI's pages and back end work over ${transports}`, async (t) => {
    await using server = await startTether({ env: { JWT_SECRET: TEST_SECRET, SERVICE_TOKEN } });
    await play(t, { urls: [server.url, server.url], websocket });
  });
}

Deno.test("Open WebUI's pages and back end work over two nodes", async (t) => {
  await using fleet = await startFleet({ nodes: 2, env: { EVENTS_PER_SECOND: "100" } });
  await play(t, { urls: [fleet.nodes[0]!.url, fleet.nodes[1]!.url], websocket: true });
});

Deno.test("Open WebUI's page comes back by itself after a crash of the server, with one heartbeat", async () => {
  await using server = await startTether({ env: { JWT_SECRET: TEST_SECRET } });
  const timers = manualTimers();
  const token = await theirToken("ada", "Ada");
  await using ada = openWebuiPage(server.url, { token, websocket: true, every: timers.every });
  await ada.next("session:ready");
  const lost = ada.next("disconnect");
  await server.kill();
  await lost;
  assert.equal(timers.running.size, 0);
  const back = ada.next("session:ready");
  await server.start();
  await back;
  assert.equal(timers.running.size, 1);
  assert.deepEqual((await ada.socket.emitWithAck("user-join", { auth: { token } })).id, "ada");
});
