/**
 * Schemas of single fields, from which those of payloads and answers are put together. Each says in one sentence what
 * is wrong, names no value, and carries what a JSON schema of it needs.
 */
import * as v from "valibot";
import { isId, MAX_ID_LENGTH } from "./ids.ts";

/** The most ids in one list of ids. */
const MAX_IDS = 1_000;
/** The deepest nesting of free-form `data`; the value itself is level 1. */
const MAX_DEPTH = 16;

const CONTROL = /\p{Cc}/u;
/** Control characters but tab, line feed and carriage return. */
// deno-lint-ignore no-control-regex -- they are what is looked for
export const CONTROL_IN_PROSE = /[\0-\x08\x0b\x0c\x0e-\x1f\x7f]/;
// names that a careless merge downstream would write into a prototype
const PROTOTYPE_KEYS = new Set(["__proto__", "constructor", "prototype"]);

/** Whether `value` is an object as JSON has them. */
export function isRecord(value: unknown): value is Record<string, unknown> {
  if (typeof value !== "object" || value === null) return false;
  const prototype = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

/** Why `value` is not plain JSON of at most `levels` levels; `undefined` when it is. */
export function jsonFault(value: unknown, levels: number = MAX_DEPTH): string | undefined {
  if (value === null || typeof value === "boolean") return undefined;
  if (typeof value === "string") return value.isWellFormed() ? undefined : "has text with half a character";
  if (typeof value === "number") {
    return Number.isFinite(value) ? undefined : "has a number that is not finite";
  }
  if (levels === 0) return `is nested deeper than ${MAX_DEPTH} levels`;
  if (Array.isArray(value)) return firstFault(value, levels - 1);
  if (!isRecord(value)) return "has something that is not plain JSON";
  const keys = Object.keys(value);
  if (keys.some((key) => PROTOTYPE_KEYS.has(key))) return "uses a reserved name";
  return keys.every((key) => key.isWellFormed())
    ? firstFault(Object.values(value), levels - 1)
    : "has text with half a character";
}

function firstFault(values: unknown[], levels: number): string | undefined {
  for (const value of values) {
    const fault = jsonFault(value, levels);
    if (fault !== undefined) return fault;
  }
  return undefined;
}

/** An object of these fields: says which of them is missing, and what it is when it is no object at all. */
export function fields<Entries extends v.ObjectEntries>(
  entries: Entries,
): v.ObjectSchema<Entries, (issue: v.ObjectIssue) => string> {
  return v.object(entries, (issue) => issue.path ? "is missing" : "must be an object");
}

/** An id of one kind. */
export function id<Id extends string>(): v.GenericSchema<string, Id> {
  const fault = `must be text of 1 to ${MAX_ID_LENGTH} characters`;
  return v.pipe(
    v.string(fault),
    v.minLength(1, fault),
    v.maxLength(MAX_ID_LENGTH, fault),
    v.check((value) => isId(value), fault),
    v.transform((value) => value as Id),
  );
}

/** A list of at least `min` ids of one kind; comes out without repetitions. */
export function ids<Id extends string>({ min = 0, max = MAX_IDS } = {}): v.GenericSchema<string[], Id[]> {
  const fault = `must be a list of ${min} to ${max} ids`;
  // the length is looked at first, so that a long list costs nothing
  return v.pipe(
    v.custom<string[]>((list) => Array.isArray(list) && list.length >= min && list.length <= max, fault),
    v.array(id<Id>()),
    v.metadata({ minItems: min, maxItems: max }),
    v.transform((list) => [...new Set(list)]),
  );
}

/** Text of 1 to `max` characters that are not all white space. */
export function text(max: number, forbidden: RegExp = CONTROL): v.GenericSchema<string> {
  const fault = `must be text of 1 to ${max} characters`;
  return v.pipe(
    v.string(fault),
    v.minLength(1, fault),
    v.maxLength(max, fault),
    v.check((value) => value.trim() !== "", fault),
    v.check((value) => value.isWellFormed() && !forbidden.test(value), "has characters that are not allowed"),
  );
}

/** A whole number from `min` to `max`. */
export function integer(min: number, max: number): v.GenericSchema<number> {
  const fault = `must be a whole number from ${min} to ${max}`;
  return v.pipe(v.number(fault), v.integer(fault), v.minValue(min, fault), v.maxValue(max, fault));
}

/** How many. */
export const count: v.GenericSchema<number> = v.pipe(v.number(), v.integer(), v.minValue(0));

/** A boolean. */
export const flag: v.GenericSchema<boolean> = v.boolean("must be true or false");

/** Any JSON. */
export const json: v.GenericSchema<unknown> = v.pipe(
  v.unknown(),
  v.rawCheck(({ dataset, addIssue }) => {
    const fault = jsonFault(dataset.value);
    if (fault !== undefined) addIssue({ message: fault });
  }),
  v.description(`Any JSON, at most ${MAX_DEPTH} levels deep.`),
);

/** Epoch milliseconds. */
export const time: v.GenericSchema<number> = v.pipe(
  v.number(),
  v.integer(),
  v.description("Epoch milliseconds."),
);
