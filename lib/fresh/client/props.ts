/** Reads the props that JSON cannot hold. A file of its own, which only the pages that have such props load. */
import { computed, signal } from "@preact/signals";
import { parse } from "devalue";
import { type ComponentType, h } from "preact";

/** The props of each island; `Slot` shows the markup that one was given. */
export function reviveProps(
  serialized: string,
  Slot: ComponentType<{ id: number }>,
): Record<string, unknown>[] {
  return parse(serialized, {
    Signal: ([value]) => signal(value),
    Computed: ([value]) => computed(() => value),
    Slot: ([id]) => h(Slot, { id }),
  });
}
