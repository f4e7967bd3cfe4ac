/** What events cost the nodes that hold nobody they are for. */
import assert from "node:assert/strict";
import { apiClient } from "../support/api.ts";
import { SERVICE_TOKEN, startFleet } from "../support/fleet.ts";
import { person } from "../support/people.ts";
import { cpuMs } from "../support/proc.ts";

const EVENTS = 500;
const CONTENT = "x".repeat(4_000);

Deno.test("a node without a receiver does nothing for an event", async () => {
  await using fleet = await startFleet({ nodes: 4, links: true });
  const [from, to, ...bystanders] = [0, 1, 2, 3];
  await using bob = await person(fleet.nodes[to!]!.url, "bob");
  // a bystander is no empty node: it holds others
  await using eve = await person(fleet.nodes[2]!.url, "eve");
  const service = apiClient(fleet.nodes[from!]!.url, SERVICE_TOKEN);

  async function send(count: number): Promise<void> {
    const last = new Promise<void>((resolve) => {
      let heard = 0;
      const hear = (): void => {
        if (++heard < count) return;
        bob.client.socket.off("events", hear);
        resolve();
      };
      bob.client.socket.on("events", hear);
    });
    for (let n = 0; n < count; n++) {
      const event = { to: { userIds: ["bob"] }, data: { type: "n", data: { n, content: CONTENT } } };
      assert.equal((await service("POST /api/events", event)).status, 200);
    }
    await last;
  }
  async function used(): Promise<{ read: number; cpuMs: number }[]> {
    return await Promise.all(fleet.nodes.map(async ({ pid }, node) => ({
      read: fleet.links[node]!.toClient.bytes,
      cpuMs: await cpuMs(pid),
    })));
  }

  await send(50);
  const before = await used(), start = performance.now();
  await send(EVENTS);
  const after = await used();
  const spent = after.map(({ read, cpuMs }, node) => ({
    "bytes read": read - before[node]!.read,
    "CPU, ms": cpuMs - before[node]!.cpuMs,
  }));
  console.log(
    `${EVENTS} events from node ${from} to node ${to} in ${Math.round(performance.now() - start)} ms`,
  );
  console.table(spent);
  const receiver = spent[to!]!;
  assert.ok(receiver["bytes read"] > EVENTS * CONTENT.length, "the receiver reads its events");
  for (const node of bystanders) {
    const share = spent[node]!["bytes read"] / receiver["bytes read"];
    assert.ok(share < 0.05, `node ${node} reads ${Math.round(share * 100)} % of what the receiver does`);
  }
  assert.deepEqual(eve.heard.filter(([name]) => name === "events"), []);
});
