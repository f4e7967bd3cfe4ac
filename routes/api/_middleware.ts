import { define } from "../../lib/web/define.ts";
import { errorAnswer } from "../../lib/web/answers.ts";
import { ProtocolError } from "../../lib/protocol/codes.ts";

/** Endpoints answer a failure as JSON with its code. */
export default define.middleware(async (ctx) => {
  try {
    return await ctx.next();
  } catch (error) {
    if (error instanceof ProtocolError) return errorAnswer(error);
    throw error;
  }
});
