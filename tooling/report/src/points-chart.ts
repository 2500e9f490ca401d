import { escaped } from './html';
import { fluidSvg, scale, short, text, ticks } from './svg';

export interface Point {
  readonly x: number;
  readonly y: number;
  /** What stands beside it: a number or a letter, which the page explains. */
  readonly label: string;
  /** How it looks: filled large, filled, or hollow. */
  readonly kind: 'chosen' | 'kept' | 'other';
}

export interface PointsChartOptions {
  /** What the chart shows, for screen readers. */
  label: string;
  /** What is counted from left to right, and upwards. */
  unit: readonly [x: string, y: string];
  /** A dashed line upright, and what stands at its top. */
  mark?: { readonly x: number; readonly label: string };
  /** A dashed line across, and what stands on it. */
  level?: { readonly y: number; readonly label: string } | undefined;
}

const height = 250;
const plot = { left: '46px', right: '20px', top: 20, bottom: height - 44 };
/** Points nearer than this, in percent of the width and in pixels, share their label. */
const near = { x: 4, y: 13 };

/** Points over two numbers, from 0 to the right; as wide as its place. */
export function pointsChart(
  points: readonly Point[],
  { label, unit, mark, level }: PointsChartOptions,
): string {
  const ys = [...points.map(({ y }) => y), ...(level ? [level.y] : [])];
  const room = Math.max(1, 0.1 * (Math.max(...ys) - Math.min(...ys)));
  const [low, high] = [Math.min(...ys) - room, Math.max(...ys) + room];
  const most = 1.05 * Math.max(...points.map(({ x }) => x), mark?.x ?? 0);
  const x = scale([0, most], [0, 100]);
  const y = scale([low, high], [plot.bottom, plot.top]);
  const percent = (value: number) => `${short(x(value))}%`;
  const line = (x1: string, y1: number, x2: string, y2: number, style: string) =>
    `<line x1="${x1}" y1="${short(y1)}" x2="${x2}" y2="${short(y2)}" ${style}/>`;
  const grid = 'stroke="var(--line)"';
  const dashed = 'stroke="var(--muted)" stroke-dasharray="4 4"';
  const parts = [
    ...ticks(low, high, 5).flatMap((value) => [
      line('0', y(value), '100%', y(value), grid),
      `<g transform="translate(-6 0)">${text(0, y(value) + 4, 'end', String(value))}</g>`,
    ]),
    ...ticks(0, most, 4).flatMap((value) => [
      line(percent(value), plot.top, percent(value), plot.bottom, grid),
      text(percent(value), plot.bottom + 16, 'middle', String(value)),
    ]),
    text('50%', plot.bottom + 34, 'middle', unit[0]),
    `<g transform="translate(-40 0)">${text(0, plot.top - 8, 'start', unit[1])}</g>`,
  ];
  if (mark)
    parts.push(
      line(percent(mark.x), plot.top, percent(mark.x), plot.bottom, dashed),
      text(percent(mark.x), plot.top - 8, 'middle', mark.label),
    );
  if (level)
    parts.push(
      line('0', y(level.y), '100%', y(level.y), dashed),
      text('1%', y(level.y) - 4, 'start', level.label),
    );
  // The chosen one is drawn last, over the others.
  const drawn = [...points].sort((a, b) => Number(a.kind === 'chosen') - Number(b.kind === 'chosen'));
  for (const { x: at, y: value, kind } of drawn) {
    const look =
      kind === 'chosen'
        ? 'r="7" fill="var(--accent)" stroke="var(--paper)" stroke-width="2"'
        : `r="4" stroke="var(--plain)" stroke-width="2" fill="${kind === 'kept' ? 'var(--plain)' : 'var(--paper)'}"`;
    parts.push(`<circle cx="${percent(at)}" cy="${short(y(value))}" ${look}/>`);
  }
  for (const group of grouped(points, (p) => [x(p.x), y(p.y)])) {
    const [{ x: at, y: value }] = group;
    const names = escaped(group.map((p) => p.label).join(', '));
    const bold = group.some(({ kind }) => kind === 'chosen') ? ' font-weight="600"' : '';
    // Beyond the middle the label stands to the left, where there is room.
    const [dx, anchor] = x(at) > 60 ? [-11, 'end'] : [11, 'start'];
    parts.push(
      `<text x="${percent(at)}" dx="${dx}" y="${short(y(value))}" dy=".35em" text-anchor="${anchor}" font-size="12"${bold} fill="currentColor">${names}</text>`,
    );
  }
  return fluidSvg({ height, left: plot.left, right: plot.right }, label, parts);
}

/** Points that are near each other, in their order. */
function grouped(points: readonly Point[], at: (point: Point) => readonly [number, number]): Point[][] {
  const groups: Point[][] = [];
  for (const point of points) {
    const [x, y] = at(point);
    const group = groups.find(([first]) => {
      const [x0, y0] = at(first);
      return Math.abs(x - x0) < near.x && Math.abs(y - y0) < near.y;
    });
    if (group) group.push(point);
    else groups.push([point]);
  }
  return groups;
}
