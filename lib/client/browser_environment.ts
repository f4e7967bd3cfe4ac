/** The browser as the environment of a connection: network, page lifecycle, and whether the user is there. */
import type { Environment, EnvironmentEvent } from "./environment.ts";

/** Input this long ago still counts as being there. */
const ACTIVE_MS = 60_000;
const INPUT = ["pointerdown", "pointermove", "keydown", "wheel", "touchstart"] as const;

/** Listens on `window` and `document`, only while it is watched. */
export function createBrowserEnvironment(): Environment {
  let lastInput = Date.now();
  const active = () => document.visibilityState === "visible" && Date.now() - lastInput < ACTIVE_MS;

  return {
    online: () => navigator.onLine !== false,
    active,
    watch(listener) {
      const abort = new AbortController();
      const options = { signal: abort.signal, passive: true, capture: true };
      const relay = (target: EventTarget, type: string, event: EnvironmentEvent) =>
        target.addEventListener(type, () => listener(event), options);

      relay(globalThis, "offline", "offline");
      relay(globalThis, "online", "online");
      relay(globalThis, "pagehide", "suspend");
      relay(document, "freeze", "suspend");
      relay(document, "resume", "resume");
      globalThis.addEventListener("pageshow", (event) => {
        if ((event as PageTransitionEvent).persisted) listener("resume");
      }, options);
      document.addEventListener("visibilitychange", () => {
        if (document.visibilityState !== "visible") return;
        lastInput = Date.now();
        listener("visible");
      }, options);
      const onInput = () => {
        const away = !active();
        lastInput = Date.now();
        if (away) listener("active");
      };
      for (const type of INPUT) globalThis.addEventListener(type, onInput, options);
      return () => abort.abort();
    },
  };
}
