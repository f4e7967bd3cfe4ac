/** `usage`: which model a session uses now (contract §4). */
import type { Roster } from "../roster/roster.ts";
import type { EventHandlers } from "./types.ts";

export function usageEvents(roster: Roster): EventHandlers {
  return {
    "usage"({ sid }, { model }) {
      roster.use(sid, model);
    },
  };
}
