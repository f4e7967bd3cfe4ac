/** A thousand sessions of a node that is killed: the other nodes go on with them, and none misses an event. */
import assert from "node:assert/strict";
import { apiClient } from "../support/api.ts";
import { SERVICE_TOKEN, startFleet } from "../support/fleet.ts";
import { type RoamingClient, roamingClient } from "../support/roaming_client.ts";
import { createLedger, createNumbers, type Ledger, type Numbered } from "../support/sequences.ts";
import { testToken } from "../support/tokens.ts";
import { until } from "../support/until.ts";

const SESSIONS = 1000, USERS = 200, CHANNELS = 20;
const RECOVERED = 0.99;
const AT_ONCE = 50, ATTEMPTS = 5;
// stock clients come back half a second to one and a half after the loss
const BACK_MS = { least: 500, most: 1500 };
// a steady load that leaves the machine idle in between
const PAUSE_MS = 3;
const EVENTS_BEFORE = 300, EVENTS_AFTER = 600;

interface Session {
  client: RoamingClient;
  user: number;
  sid: string;
  ledger: Ledger;
  isRecovered: boolean;
}

const userOf = (n: number): string => `user${n}`;
/** The rooms of a user, as the senders call them. */
const roomsOf = (user: number): string[] => [userOf(user), `channel${user % CHANNELS}`, "general"];

Deno.test(`sessions of a node that is killed go on with the others, and miss nothing`, async () => {
  await using fleet = await startFleet({ env: { SESSIONS_PER_USER: "1000" } });
  const [killed, ...living] = fleet.nodes;
  const numbers = createNumbers();
  const channelIds = new Map([["general", "general"]]);
  const tokenOf = (name: string) => testToken({ claims: { sub: name, name } });

  // the channels, each with a tenth of the users
  const owner = apiClient(killed!.url, await tokenOf("owner"));
  for (let channel = 0; channel < CHANNELS; channel++) {
    const { body } = await owner("POST /api/channels", { name: `channel${channel}` });
    channelIds.set(`channel${channel}`, body.channel.id);
    const members = Array.from({ length: USERS / CHANNELS }, (_, n) => userOf(n * CHANNELS + channel));
    for (const member of [...members, "sender0", "sender1"]) {
      await owner(`POST /api/channels/${body.channel.id}/members/${member}`);
    }
  }

  // the sessions, all on the node that will be killed
  const sessions: Session[] = [];
  while (sessions.length < SESSIONS) {
    sessions.push(
      ...await Promise.all(Array.from({ length: AT_ONCE }, async (_, index) => {
        const user = (sessions.length + index) % USERS, ledger = createLedger();
        const client = roamingClient({
          token: await tokenOf(userOf(user)),
          onEvent: (name, payload) => {
            const event = numberOf(name, payload);
            if (event !== undefined) ledger.hear(event);
          },
        });
        const { sid } = await client.connect(killed!.url);
        assert.equal((await client.ask("join-channels", {})).ok, true);
        return { client, user, sid, ledger, isRecovered: false };
      })),
    );
  }

  // back ends and clients on the other nodes, each sending one event after another
  const stopping = new AbortController();
  let sent = 0;
  const targets = ["general", ...channelIds.keys(), ...Array.from({ length: USERS }, (_, n) => userOf(n))];
  async function keepSending(offset: number, send: (room: string) => Promise<void>): Promise<void> {
    for (let n = offset; !stopping.signal.aborted; n += 7) {
      await send(targets[n % targets.length]!);
      sent++;
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    }
  }
  const senders: RoamingClient[] = [];
  const sending: Promise<void>[] = [];
  for (const [index, { url }] of living.entries()) {
    const service = apiClient(url, SERVICE_TOKEN);
    sending.push(keepSending(index, async (room) => {
      const id = channelIds.get(room);
      const to = id === undefined ? { userIds: [room] } : { channelId: id };
      const event = { type: "n", data: numbers.next(`backend${index}`, room) };
      assert.equal((await service("POST /api/events", { to, data: event })).status, 200);
    }));
    const client = roamingClient({ token: await tokenOf(`sender${index}`), onEvent: () => {} });
    await client.connect(url);
    await client.ask("join-channels", {});
    senders.push(client);
    const channels = [...channelIds.keys()];
    sending.push(keepSending(index, async () => {
      // mostly to the small ones
      const room = channels[sent % 10 === 0 ? 0 : 1 + sent % CHANNELS]!;
      const content = JSON.stringify(numbers.next(`sender${index}`, room));
      const data = { type: "message", data: { content } };
      const answer = await client.ask("events:channel", { channel_id: channelIds.get(room), data });
      assert.equal(answer.ok, true);
    }));
  }

  async function comeBack(session: Session, index: number): Promise<void> {
    await session.client.ended;
    const { least, most } = BACK_MS;
    for (let attempt = 0;; attempt++) {
      await new Promise((resolve) => setTimeout(resolve, least + Math.random() * (most - least)));
      try {
        const { sid, recovered } = await session.client.connect(
          living[(index + attempt) % living.length]!.url,
        );
        session.isRecovered = recovered && sid === session.sid;
        return;
      } catch (error) {
        if (attempt === ATTEMPTS) throw error;
      }
    }
  }

  await until(() => Promise.resolve(sent >= EVENTS_BEFORE), { what: "events before the end" });
  const back = Promise.all(sessions.map(comeBack));
  const killedAt = performance.now(), sentBefore = sent;
  await killed!.kill();
  await back;
  const tookMs = performance.now() - killedAt;
  await until(() => Promise.resolve(sent >= sentBefore + EVENTS_AFTER), { what: "events after the end" });
  stopping.abort();
  await Promise.all(sending);

  const recovered = sessions.filter(({ isRecovered }) => isRecovered);
  const missing = (): number =>
    recovered.reduce((sum, { user, ledger }) => sum + ledger.missing(numbers, roomsOf(user)), 0);
  await until(() => Promise.resolve(missing() === 0), { withinMs: 10_000, what: "what is missing" }).catch(
    () => {},
  );
  const heard = sessions.reduce((sum, { ledger }) => sum + ledger.count, 0);
  console.log(
    `${recovered.length} of ${SESSIONS} sessions of a killed node were recovered within ${
      Math.round(tookMs)
    } ms; ` +
      `${sent} events were sent and ${heard} received`,
  );
  await Promise.all([...senders, ...sessions.map(({ client }) => client)].map((client) => client.close()));
  const faulty = recovered.filter(({ ledger }) => ledger.faults.length > 0);
  assert.deepEqual(faulty.flatMap(({ sid, ledger }) => `${sid} ${ledger.faults[0]}`).slice(0, 10), []);
  assert.equal(missing(), 0, "missing events");
  assert.ok(recovered.length >= RECOVERED * SESSIONS, `${recovered.length} of ${SESSIONS} were recovered`);
});

/** The numbered event in what came, if it is one. */
function numberOf(name: string, payload: unknown): Numbered | undefined {
  const { data } = payload as { data?: { type?: string; data?: unknown } };
  if (name === "events" && data?.type === "n") return data.data as Numbered;
  if (name !== "events:channel" || data?.type !== "message") return undefined;
  return JSON.parse((data.data as { content: string }).content);
}
