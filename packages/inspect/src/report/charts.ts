/** Charts as SVG text. Colours are the page's CSS variables, so that they follow its theme. */
import type { Histogram } from '../statistics';

export interface Mark {
  readonly from: number;
  readonly to: number;
}

export interface Line {
  readonly name: string;
  /** A CSS colour. */
  readonly color: string;
  readonly values: readonly (number | null)[];
}

const fontSize = 11;

/** How often which numbers occur, with the range of the integers behind them. */
export function histogramChart(
  { from, to, counts }: Histogram,
  range: Mark | undefined,
  label: string,
): string {
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
    `<path d="${area}" fill="var(--data)"/>`,
    baseline,
    ...labels,
  ]);
}

/** A line over the layers for each figure; `null` leaves a gap. */
export function linesChart(names: readonly string[], lines: readonly Line[], unit: string): string {
  const [width, height] = [940, 312];
  const plot = { left: 44, right: width - 12, top: 12, bottom: height - 108 };
  const values = lines.flatMap((line) => line.values.filter((v) => v !== null));
  const [low, high] = values.length > 0 ? [Math.min(...values), Math.max(...values)] : [0, 1];
  const room = 0.05 * (high - low) || 1;
  const y = scale([low - room, high + room], [plot.bottom, plot.top]);
  const between = (plot.right - plot.left) / names.length;
  const x = (i: number) => plot.left + (i + 0.5) * between;
  const grid = ticks(low - room, high + room, 6).flatMap((value) => [
    `<path d="M${plot.left} ${short(y(value))}H${plot.right}" stroke="var(--line)"/>`,
    text(plot.left - 6, y(value) + 4, 'end', `${value} ${unit}`),
  ]);
  const every = Math.ceil(names.length / 50);
  const labels = names.flatMap((name, i) => {
    if (i % every !== 0) return [];
    const at = `${short(x(i) + 3)} ${plot.bottom + 12}`;
    return `<text transform="translate(${at}) rotate(-60)" text-anchor="end" font-size="${fontSize}" fill="var(--muted)">${escaped(shortened(name))}</text>`;
  });
  const drawn = lines.flatMap(({ color, values }) => {
    const points = values.map((value, i) => (value === null ? null : `${short(x(i))} ${short(y(value))}`));
    const path = points
      .map((point, i) => (point === null ? '' : `${i > 0 && points[i - 1] !== null ? 'L' : 'M'}${point}`))
      .join('');
    const dots = points.flatMap((point) => {
      const [cx, cy] = point?.split(' ') ?? [];
      return point === null ? [] : [`<circle cx="${cx}" cy="${cy}" r="2.5" fill="${color}"/>`];
    });
    return [`<path d="${path}" fill="none" stroke="${color}" stroke-width="2"/>`, ...dots];
  });
  const baseline = `<path d="M${plot.left} ${plot.bottom}H${plot.right}" stroke="var(--muted)"/>`;
  const label = `${lines.map(({ name }) => name).join(', ')} by layer, ${unit}`;
  return svg(width, height, label, [...grid, baseline, ...labels, ...drawn]);
}

type Pair = readonly [number, number];

/** The line through (from[0], to[0]) and (from[1], to[1]). */
function scale(from: Pair, to: Pair): (value: number) => number {
  const factor = (to[1] - to[0]) / (from[1] - from[0] || 1);
  return (value) => to[0] + (value - from[0]) * factor;
}

/** About `count` round numbers from `low` to `high`: multiples of 1, 2 or 5 times a power of ten. */
function ticks(low: number, high: number, count: number): number[] {
  const rough = (high - low) / count;
  if (!(rough > 0) || !Number.isFinite(rough)) return [low];
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = ([1, 2, 5].find((n) => n * power >= rough) ?? 10) * power;
  const [from, to] = [Math.ceil(low / step), Math.floor(high / step)];
  return Array.from({ length: to - from + 1 }, (_, i) => Number(((from + i) * step).toPrecision(6)));
}

const short = (value: number) => Number(value.toFixed(1));

/** The end of a path says more than its beginning. */
function shortened(name: string): string {
  return name.length <= 18 ? name : `…${name.slice(-17)}`;
}

function text(x: number, y: number, anchor: string, content: string): string {
  return `<text x="${short(x)}" y="${short(y)}" text-anchor="${anchor}" font-size="${fontSize}" fill="var(--muted)">${content}</text>`;
}

function escaped(content: string): string {
  return content.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
}

function svg(width: number, height: number, label: string, parts: readonly string[]): string {
  return `<svg role="img" aria-label="${label}" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}">${parts.join('')}</svg>`;
}
