import { fluidSvg, scale, short, text, ticks } from './svg';

export interface Curve {
  /** In the order of x. */
  readonly points: readonly (readonly [x: number, y: number])[];
  /** A CSS colour. */
  readonly color: string;
  /** In pixels. */
  readonly width: number;
  /** Whether the points are shown as dots too. */
  readonly dots?: boolean;
}

export interface CurvesChartOptions {
  /** What the chart shows, for screen readers. */
  label: string;
  /** What is counted from left to right. */
  unit: string;
  /** The least and the greatest x. */
  x: readonly [least: number, greatest: number];
  /** The least and the greatest y to show; more if the curves have more. */
  y: readonly [least: number, greatest: number];
  /** A y as the axis says it. */
  format(value: number): string;
  /** An x where a dashed line goes from top to bottom. */
  mark?: number | undefined;
}

const height = 220;
const plot = { left: '56px', right: '20px', top: 8, bottom: height - 44 };
/** The drawing's own units to its full width and height. */
const full = 1000;

/** Curves over numbers; as wide as its place. */
export function curvesChart(
  curves: readonly Curve[],
  { label, unit, x: [from, to], y: [least, greatest], format, mark }: CurvesChartOptions,
): string {
  let [low, high] = [least, greatest];
  for (const { points } of curves) {
    for (const [, value] of points) [low, high] = [Math.min(low, value), Math.max(high, value)];
  }
  const x = scale([from, to], [0, full]);
  const y = scale([low, high], [full, 0]);
  const percent = (value: number) => `${short(x(value) / (full / 100))}%`;
  const inPixels = scale([low, high], [plot.bottom, plot.top]);
  const levels = ticks(low, high, 5);
  const steps = ticks(from, to, 5);
  const across = levels.map((value) => `M0 ${short(y(value))}H${full}`);
  const upright = steps.map((value) => `M${short(x(value))} 0V${full}`);
  const drawn = curves.flatMap(({ points, color, width, dots = false }) => {
    const at = points.map((point) => `${short(x(point[0]))} ${short(y(point[1]))}`);
    if (at.length === 0) return [];
    const line = path(`M${at.join('L')}`, color, width);
    // Lines of no length with round ends: the drawing is stretched, its strokes are not.
    return dots ? [line, path(`M${at.join('h0M')}h0`, color, 6)] : [line];
  });
  const dashed =
    mark === undefined
      ? ''
      : path(`M${short(x(mark))} 0V${full}`, 'var(--muted)', 1, ' stroke-dasharray="4 4"');
  const parts = [path([...across, ...upright].join(''), 'var(--line)', 1), ...drawn, dashed];
  return fluidSvg({ ...plot, height }, label, [
    ...levels.map((value) => text(-6, inPixels(value) + 4, 'end', format(value))),
    ...steps.map((value) => text(percent(value), plot.bottom + 16, 'middle', String(value))),
    text('50%', height - 6, 'middle', unit),
    `<svg y="${plot.top}" height="${plot.bottom - plot.top}" overflow="visible" viewBox="0 0 ${full} ${full}" preserveAspectRatio="none">${parts.join('')}</svg>`,
  ]);
}

function path(d: string, color: string, width: number, more = ''): string {
  return `<path d="${d}" fill="none" stroke="${color}" stroke-width="${width}" stroke-linecap="round" stroke-linejoin="round" vector-effect="non-scaling-stroke"${more}/>`;
}
