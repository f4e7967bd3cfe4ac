/** `usage`: which model a session uses now (contract §4). */
import type { UsageService } from "../usage/service.ts";
import type { EventHandlers } from "./types.ts";

/** Makes the handler. */
export function usageEvents(usage: UsageService): EventHandlers {
  return {
    "usage"({ sid }, { model }) {
      usage.use(sid, model);
    },
  };
}
