import assert from "node:assert/strict";
import { ulid } from "ulid";
import { createKvChannelStore } from "../../lib/channel/kv_store.ts";
import { channelId, messageId, userId } from "../../lib/protocol/ids.ts";
import { runCases } from "../support/contract.ts";
import { openChannelStore } from "../support/kv_stores.ts";
import { channelStoreContract } from "./store_contract.ts";

Deno.test("KvChannelStore is a channel store", async (t) => {
  await runCases(t, channelStoreContract(), async () => {
    const store = await openChannelStore();
    return { store, [Symbol.asyncDispose]: () => Promise.resolve(store[Symbol.dispose]()) };
  });
});

Deno.test("KvChannelStore outlives its process", async () => {
  const directory = await Deno.makeTempDir();
  try {
    const channel = { id: channelId("c"), name: "C", public: false, createdBy: null, createdAt: 1 };
    {
      using kv = await Deno.openKv(`${directory}/kv`);
      const store = createKvChannelStore(kv);
      await store.create(channel, [userId("ada")]);
      const user = { id: userId("ada"), name: "Ada", role: "user" };
      const message = {
        id: messageId("00000000010000000000000000"),
        channelId: channel.id,
        parentId: null,
        user,
      };
      await store.append({ ...message, content: "Hello", createdAt: 1 });
    }
    using kv = await Deno.openKv(`${directory}/kv`);
    const store = createKvChannelStore(kv);
    assert.deepEqual(await store.get([channel.id]), [channel]);
    assert.deepEqual((await store.messages(channel.id, 10)).map(({ content }) => content), ["Hello"]);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("KvChannelStore keeps many long messages that come at once, in order", async () => {
  using kv = await Deno.openKv(":memory:");
  const store = createKvChannelStore(kv);
  const user = { id: userId("ada"), name: "Ada", role: "user" };
  const messages = Array.from({ length: 200 }, (_, index) => ({
    id: messageId(ulid(1_000 + index)),
    channelId: channelId("c"),
    parentId: null,
    user,
    content: "\u{20ac}".repeat(8_000),
    createdAt: 1_000 + index,
  }));
  await Promise.all(messages.map((message) => store.append(message)));
  assert.deepEqual(
    (await store.messages(channelId("c"), 200)).map(({ id }) => id),
    messages.map(({ id }) => id),
  );
});
