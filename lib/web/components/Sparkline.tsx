/** Options of {@linkcode Sparkline}. */
export interface SparklineProps {
  /** Oldest first. */
  values: readonly number[];
  /** How many values the width holds. */
  capacity: number;
  /** What it shows, for those who do not see it. */
  label: string;
}

const WIDTH = 120, HEIGHT = 28, PAD = 2;

/** A line of the last values on a field that never changes its size. */
export function Sparkline({ values, capacity, label }: SparklineProps) {
  const top = Math.max(1, ...values);
  const step = (WIDTH - 2 * PAD) / Math.max(1, capacity - 1);
  const first = capacity - values.length;
  const points = values.map((value, index) =>
    `${(PAD + (first + index) * step).toFixed(1)},${
      (HEIGHT - PAD - value / top * (HEIGHT - 2 * PAD)).toFixed(1)
    }`
  );
  return (
    <svg class="sparkline" role="img" aria-label={label} viewBox={`0 0 ${WIDTH} ${HEIGHT}`}>
      <polyline points={points.join(" ")} />
    </svg>
  );
}
