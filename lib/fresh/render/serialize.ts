/** Turns the props of a page's islands into text. Only the server has it; the browser has the parser. */
import { Signal } from "@preact/signals";
import { isValidElement, type JSX } from "preact";
import { stringify } from "devalue";

/** A prop that stands for markup which is already in the page. */
export class SlotRef {
  readonly id: number;

  constructor(id: number) {
    this.id = id;
  }
}

/** A signal looks like an element to preact: it must be told apart first. */
export function isElement(value: unknown): value is JSX.Element {
  return !(value instanceof Signal) && isValidElement(value);
}

/**
 * The props as JSON where JSON can hold them, else as text for the parser, which is a JSON string. Throws when one
 * cannot cross to the browser.
 */
export function serializeProps(props: readonly Record<string, unknown>[]): string {
  return JSON.stringify(isJson(props, new Set()) ? props : stringifyAny(props));
}

/** Whether JSON gives back exactly `value`; what is in it twice, `seen` tells. */
function isJson(value: unknown, seen: Set<unknown>): boolean {
  if (typeof value === "number") return Number.isFinite(value) && !Object.is(value, -0);
  if (typeof value !== "object" || value === null) {
    return value === null || typeof value === "string" || typeof value === "boolean";
  }
  if (seen.has(value)) return false;
  seen.add(value);
  if (Array.isArray(value)) return Array.from(value).every((item) => isJson(item, seen));
  return Object.getPrototypeOf(value) === Object.prototype &&
    Reflect.ownKeys(value).every((key) =>
      typeof key === "string" && key !== "__proto__" && isJson(value[key as keyof typeof value], seen)
    );
}

function stringifyAny(props: readonly Record<string, unknown>[]): string {
  return stringify(props, {
    Refused: refuse,
    // A computed signal is a subclass; the browser gets its value in one that nothing can write.
    Computed: (value: unknown) => isSignal(value) && !isPlainSignal(value) && [value.peek()],
    Signal: (value: unknown) => isSignal(value) && [value.peek()],
    Slot: (value: unknown) => value instanceof SlotRef && [value.id],
  });
}

function refuse(value: unknown): false {
  if (isElement(value)) throw new Error("Serializing JSX inside of an object or a list is not supported.");
  if (typeof value === "function") {
    throw new Error("Serializing functions is not supported.");
  }
  return false;
}

function isSignal(value: unknown): value is Signal {
  return value instanceof Signal;
}

function isPlainSignal(value: Signal): boolean {
  return Object.getPrototypeOf(value) === Signal.prototype;
}
