import { define } from "../../lib/web/define.ts";
import { openApi } from "../../lib/web/openapi.ts";

/** The description of all endpoints, for tools. */
export const handler = define.handlers({
  GET: () => Response.json(openApi(), { headers: { "cache-control": "public, max-age=300" } }),
});
