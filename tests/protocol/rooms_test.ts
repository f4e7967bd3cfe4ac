import assert from "node:assert/strict";
import { channelId, userId } from "../../lib/protocol/ids.ts";
import { presenceChannelRoom, presenceRooms, presenceUserRoom } from "../../lib/protocol/rooms.ts";

Deno.test("presenceRooms() reaches the watchers of a user and of each of the user's channels", () => {
  const rooms = presenceRooms(userId("ada"), [channelId("general"), channelId("team")]);
  assert.deepEqual(rooms, ["presence:user:ada", "presence:channel:general", "presence:channel:team"]);
  assert(rooms.includes(presenceUserRoom(userId("ada"))));
  assert(rooms.includes(presenceChannelRoom(channelId("team"))));
});

Deno.test("presence rooms of users and channels of one name differ", () => {
  assert.notEqual(presenceUserRoom(userId("x")), presenceChannelRoom(channelId("x")));
});
