/** A list of people as the server's changes keep it current. */
import type { Presence } from "../../client/mod.ts";

/** `people` with what changed: those who are new to the list too. */
export function withChanges(people: readonly Presence[], changes: readonly Presence[]): Presence[] {
  return [...new Map([...people, ...changes].map((person) => [person.id, person])).values()];
}
