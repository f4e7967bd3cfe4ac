import { useEffect, useState } from "preact/hooks";

/** The seconds until `until` (epoch milliseconds), counted down live. */
export function Countdown({ until }: { until: number }) {
  const [now, setNow] = useState(Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 100);
    return () => clearInterval(timer);
  }, [until]);
  return <span class="countdown">{(Math.max(0, until - now) / 1000).toFixed(1)} s</span>;
}
