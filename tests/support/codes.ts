/** Tells codes of the contract from other words. */
import { type Code, CODES } from "../../lib/protocol/codes.ts";

/** Whether `value` is a code of the contract. */
export function isCode(value: unknown): value is Code {
  return typeof value === "string" && Object.hasOwn(CODES, value);
}
