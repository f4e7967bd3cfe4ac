/** Fresh's `define`, bound to this app's state. */
import { createDefine } from "fresh";
import type { State } from "./request_state.ts";

/** Typed helpers for routes, layouts and middlewares. */
export const define = createDefine<State>();
