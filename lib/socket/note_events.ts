/** `join-note` (contract §4). This server keeps no notes, so there is none that anybody may join. */
import { ProtocolError } from "../protocol/codes.ts";
import type { EventHandlers } from "./types.ts";

export function noteEvents(): EventHandlers {
  return {
    "join-note"() {
      throw new ProtocolError("access/not-found");
    },
  };
}
