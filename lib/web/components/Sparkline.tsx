import type { JSX } from "preact";

interface SparklineProps {
  /** Oldest first. */
  values: readonly number[];
  /** How many values the width holds. */
  capacity: number;
  /** What it shows, for those who do not see it. */
  label: string;
}

const WIDTH = 120, HEIGHT = 32, PAD = 3;

/** A line of the last values, the newest at the right, on a field that never changes its size. */
export function Sparkline({ values, capacity, label }: SparklineProps): JSX.Element {
  const top = Math.max(1, ...values);
  const step = (WIDTH - 2 * PAD) / Math.max(1, capacity - 1);
  const points = values.map((value, index) => {
    const x = PAD + (capacity - values.length + index) * step;
    const y = HEIGHT - PAD - value / top * (HEIGHT - 2 * PAD);
    return `${x.toFixed(1)} ${y.toFixed(1)}`;
  });
  return (
    <svg
      class="sparkline"
      role="img"
      aria-label={label}
      viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
      preserveAspectRatio="none"
    >
      <path class="ground" d={`M0 ${HEIGHT - 0.5}H${WIDTH}`} />
      {points.length > 0 && (
        <>
          <path d={`M${points.join("L")}`} />
          {/* a line of almost no length is a dot that does not stretch with the field; of none, it would in WebKit */}
          <path class="newest" d={`M${points.at(-1)}h.01`} />
        </>
      )}
    </svg>
  );
}
