/** Turns the props of a page's islands into JSON. */
import { isValidElement } from "preact";
import type { Props } from "./state.ts";

/** Fresh sends more than JSON; here what JSON would not give back as it was throws. */
export function serializeProps(props: readonly Props[]): string {
  return JSON.stringify(props, function (key, value) {
    // what JSON made of it is `value`, what it was is in `this`
    if (key === "__proto__" || !isJson(this[key])) throw new TypeError(refusal(key, this[key]));
    return value;
  });
}

/** Whether JSON gives back a value, apart from what is in it; one that is `undefined` is as good as absent. */
function isJson(value: unknown): boolean {
  if (typeof value === "number") return Number.isFinite(value) && !Object.is(value, -0);
  if (typeof value !== "object" || value === null) {
    return value === null || ["string", "boolean", "undefined"].includes(typeof value);
  }
  if (Array.isArray(value)) return !value.includes(undefined);
  return Object.getPrototypeOf(value) === Object.prototype && !isValidElement(value);
}

function refusal(key: string, value: unknown): string {
  return typeof value === "function"
    ? "Serializing functions is not supported."
    : `Cannot send "${key}" to an island: it is not plain JSON`;
}
