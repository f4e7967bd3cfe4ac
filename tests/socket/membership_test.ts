/** Rooms follow memberships, also when one changes while it is read. */
import assert from "node:assert/strict";
import { Server } from "socket.io";
import type { MembershipListener } from "../../lib/channel/service.ts";
import { channelId, userId } from "../../lib/protocol/ids.ts";
import { noBus } from "../../lib/eventlog/node_bus.ts";
import { createMembership } from "../../lib/socket/membership.ts";
import type { LiveSession, TetherServer } from "../../lib/socket/types.ts";

const ADA = userId("ada"), LEFT = channelId("left"), KEPT = channelId("kept");

Deno.test("joinChannels() does not put back who was removed while the store was read", async () => {
  const io: TetherServer = new Server();
  const read = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const left: unknown[] = [];
  let reads = 0, change: MembershipListener = () => {};
  const membership = createMembership({
    io,
    bus: noBus,
    onLeft: (userIds) => left.push(userIds),
    channels: {
      channelsOf: async () => {
        const ids = reads === 0 ? [LEFT, KEPT] : [KEPT];
        await read[reads++]!.promise;
        return ids;
      },
      onMembershipChange: (listener: MembershipListener) => {
        change = listener;
        return () => {};
      },
    } as unknown as Parameters<typeof createMembership>[0]["channels"],
  });
  const rooms = new Set<string>();
  const socket = {
    rooms,
    conn: { readyState: "open" },
    join: (names: string[]) => names.forEach((name) => rooms.add(name)),
    leave: (name: string) => rooms.delete(name),
  };

  const session = { socket, identity: { user: { id: ADA } } } as unknown as LiveSession;
  const joining = membership.joinChannels(session);
  change({ kind: "left", channelId: LEFT, userIds: [ADA] }, { local: true });
  for (const { resolve } of read) resolve();

  assert.deepEqual(await joining, [KEPT]);
  assert.deepEqual([...rooms], ["channel:kept"]);
  assert.deepEqual(left, [[ADA]]);
});
