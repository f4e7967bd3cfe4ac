import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";

const TICK_MS = 100;

/** The seconds until `until` (epoch milliseconds), counted down live, with so many digits after the point. */
export function Countdown({ until, digits = 1 }: { until: number; digits?: 0 | 1 }): JSX.Element {
  const [now, setNow] = useState(Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), TICK_MS);
    return () => clearInterval(timer);
  }, [until]);
  const seconds = Math.max(0, until - now) / 1000;
  return <span class="countdown">{digits === 0 ? Math.ceil(seconds) : seconds.toFixed(digits)} s</span>;
}
