/** The diagram shows the connection's real machine: its arrows are derived from the table of transitions. */
import assert from "node:assert/strict";
import { REACH, type StateName } from "../../../lib/client/state_machine.ts";
import type { ConnectionState } from "../../../lib/client/mod.ts";
import { ARROWS } from "../../../lib/web/components/StateDiagram.tsx";

type Status = ConnectionState["status"];

/** As what a state of the machine shows; an attempt without a cause is the first one. */
function statusesOf(name: StateName): Status[] {
  switch (name) {
    case "authorizing":
    case "opening":
      return ["connecting", "reconnecting"];
    case "waiting":
    case "paused":
      return ["reconnecting"];
    case "connected":
    case "disconnected":
      return [name];
  }
}

Deno.test("state diagram has an arrow for every way of the machine, and no other", () => {
  const ways = new Set<string>();
  for (const [name, next] of Object.entries(REACH)) {
    for (const from of statusesOf(name as StateName)) {
      for (const to of next.flatMap(statusesOf)) {
        // only `connect()` begins without a cause, and what has a cause keeps one until it is connected
        const first = from === "disconnected" || from === "connecting";
        if (to === "connecting" && !first || from === "disconnected" && to === "reconnecting") continue;
        if (from !== to) ways.add(`${from} ${to}`);
      }
    }
  }
  assert.deepEqual(ARROWS.map(({ from, to }) => `${from} ${to}`).toSorted(), [...ways].toSorted());
});
