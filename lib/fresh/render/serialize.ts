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

/** Throws when a prop cannot cross to the browser. */
export function serializeProps(props: readonly Record<string, unknown>[]): string {
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
