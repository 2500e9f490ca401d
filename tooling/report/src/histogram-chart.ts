import { scale, short, svg, text, ticks } from './svg';

/** How many numbers lie in each of equally wide bins between `from` and `to`. */
export interface Bins {
  readonly from: number;
  readonly to: number;
  readonly counts: readonly number[];
}

/** A range on the axis of the numbers. */
export interface Mark {
  readonly from: number;
  readonly to: number;
}

/** How often which numbers occur, with the range of the integers behind them. */
export function histogramChart({ from, to, counts }: Bins, range: Mark | undefined, label: string): string {
  const [width, height] = [360, 110];
  const plot = { left: 8, right: width - 8, top: 6, bottom: height - 20 };
  const step = (to - from) / counts.length;
  const first = counts.findIndex((n) => n > 0);
  const last = counts.length - 1 - [...counts].reverse().findIndex((n) => n > 0);
  const low = Math.min(from + first * step, range?.from ?? Number.POSITIVE_INFINITY);
  const high = Math.max(from + (last + 1) * step, range?.to ?? Number.NEGATIVE_INFINITY);
  const room = 0.02 * (high - low);
  const x = scale([low - room, high + room], [plot.left, plot.right]);
  // The square root shows rare numbers beside frequent ones.
  const heights = counts.slice(first, last + 1).map(Math.sqrt);
  const y = scale([0, Math.max(...heights)], [plot.bottom, plot.top]);
  const outline = heights
    .map((value, i) => `V${short(y(value))}H${short(x(from + (first + i + 1) * step))}`)
    .join('');
  const area = `M${short(x(from + first * step))} ${plot.bottom}${outline}V${plot.bottom}Z`;
  const mark =
    range &&
    `<rect x="${short(x(range.from))}" y="${plot.top}" width="${short(x(range.to) - x(range.from))}" height="${plot.bottom - plot.top}" fill="var(--range)" stroke="var(--edge)"/>`;
  const labels = ticks(low, high, 5).map((value) =>
    text(x(value), plot.bottom + 14, 'middle', String(Number(value.toPrecision(3)))),
  );
  const baseline = `<path d="M${plot.left} ${plot.bottom}H${plot.right}" stroke="var(--muted)"/>`;
  return svg(width, height, label, [
    mark ?? '',
    `<path d="${area}" fill="var(--accent)"/>`,
    baseline,
    ...labels,
  ]);
}
