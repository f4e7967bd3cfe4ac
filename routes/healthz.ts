import { define } from "../lib/web/define.ts";
import { json } from "../lib/web/responses.ts";

/** 200 while the process serves. */
export const handler = define.handlers({ GET: () => json({ ok: true }) });
