/** Times as they are told to people. */
import assert from "node:assert/strict";
import { ago } from "../../../lib/web/components/status_colour.ts";

const MINUTE = 60_000, HOUR = 60 * MINUTE, DAY = 24 * HOUR;

const CASES: [ms: number, text: string][] = [
  [-5000, "just now"],
  [0, "just now"],
  [MINUTE - 1, "just now"],
  [MINUTE, "1 min ago"],
  [HOUR - 1, "59 min ago"],
  [HOUR, "1 h ago"],
  [DAY - 1, "23 h ago"],
  [DAY, "1 d ago"],
  [400 * DAY, "400 d ago"],
];

for (const [ms, text] of CASES) {
  Deno.test(`ago() says '${text}' of ${ms} ms`, () => assert.equal(ago(ms), text));
}
