import { define } from "../../lib/web/define.ts";
import { ProtocolError } from "../../lib/protocol/codes.ts";

/** There is no endpoint of this name. */
export const handler = define.handlers(() => {
  throw new ProtocolError("access/not-found");
});
