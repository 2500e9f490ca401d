import { escaped } from './html';
import { fontSize, scale, short, svg, text, ticks } from './svg';

export interface Line {
  readonly name: string;
  /** A CSS colour. */
  readonly color: string;
  readonly values: readonly (number | null)[];
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

/** The end of a path says more than its beginning. */
function shortened(name: string): string {
  return name.length <= 18 ? name : `…${name.slice(-17)}`;
}
