import * as Plot from '@observablehq/plot';
import { formatBytes, formatMs } from '../format';
import type { Layer } from '../layers';
import type { BackendResult, CompareReport } from './report';

/** Where a chart goes. */
export interface ChartOptions {
  width: number;
  /** Of the page, or one that stands in for it. */
  document?: Document;
}

interface Bar {
  group: string;
  dtype: 'float32' | 'int8';
  value: number;
}

const colours = { domain: ['float32', 'int8'], range: ['var(--plain)', 'var(--accent)'] };

/** The median times of the backends, each at its own scale: the slowest would leave the others no width. */
export function latencyChart({ results }: CompareReport, options: ChartOptions): Element {
  const bars = results.flatMap(({ backend, fp32, int8 }) => pair(backend, fp32?.medianMs, int8.medianMs));
  return barChart(bars, {
    ...options,
    label: 'Median time by backend',
    format: formatMs,
    bar: 22,
    ownScale: true,
  });
}

/** As many layers as a chart shows by themselves. */
const mostLayers = 12;

/** The median times of the slowest layers on one backend, slowest first, and of all others together. */
export function layersChart({ backend, layers }: BackendResult, options: ChartOptions): Element {
  const time = ({ fp32, int8 }: Layer) => Math.max(fp32?.medianMs ?? 0, int8?.medianMs ?? 0);
  const sorted = [...layers].sort((a, b) => time(b) - time(a));
  const rest = sorted.splice(mostLayers);
  const sum = (of: 'fp32' | 'int8') => rest.reduce((ms, layer) => ms + (layer[of]?.medianMs ?? 0), 0);
  const bars = sorted.flatMap(({ path, type, fp32, int8 }) =>
    pair(options.width < 500 ? path : `${path} ${type}`, fp32?.medianMs, int8?.medianMs),
  );
  if (rest.length > 0) bars.push(...pair(`${rest.length} others`, sum('fp32'), sum('int8')));
  const format = (ms: number) => `${ms.toFixed(ms < 1 ? 3 : 2)} ms`;
  return barChart(bars, { ...options, label: `Median time by layer on ${backend}`, format, bar: 15 });
}

/** The sizes of the checkpoints. */
export function bytesChart({ bytes: { fp32, int8 } }: CompareReport, options: ChartOptions): Element {
  const bars = pair('checkpoint', fp32, int8);
  return barChart(bars, { ...options, label: 'Size of the checkpoints', format: formatBytes, bar: 22 });
}

function pair(group: string, fp32: number | undefined, int8: number | undefined): Bar[] {
  return [
    ...(fp32 === undefined ? [] : [{ group, dtype: 'float32', value: fp32 } as const]),
    ...(int8 === undefined ? [] : [{ group, dtype: 'int8', value: int8 } as const]),
  ];
}

interface BarOptions extends ChartOptions {
  label: string;
  format(value: number): string;
  /** The height of a bar. */
  bar: number;
  /** Whether each group fills the width, rather than the longest bar of all. */
  ownScale?: boolean;
}

/** Groups of two bars, from the left, each with its number. */
function barChart(
  bars: readonly Bar[],
  { width, document, label, format, bar, ownScale = false }: BarOptions,
): Element {
  const groups = new Set(bars.map(({ group }) => group));
  const longest = Math.max(...[...groups].map((group) => group.length));
  const most = (of: readonly Bar[]) => Math.max(...of.map(({ value }) => value));
  const all = most(bars);
  const scales = new Map(
    [...groups].map((name) => [name, ownScale ? most(bars.filter(({ group }) => group === name)) : all]),
  );
  const part = ({ group, value }: Bar) => value / (scales.get(group) || 1);
  const at = { x: part, y: 'dtype', fy: 'group' } as const;
  const chart = Plot.plot({
    ...(document ? { document } : {}),
    width,
    height: groups.size * bar * 2.6 + 10,
    marginLeft: Math.min(longest * 7 + 16, width * 0.4),
    // Room for the number of the longest bar.
    marginRight: 80,
    marginTop: 4,
    marginBottom: 4,
    style: { fontSize: '12px', background: 'transparent', overflow: 'visible' },
    x: { axis: null, domain: [0, 1] },
    y: { axis: null, domain: colours.domain, padding: 0.1 },
    fy: { label: null, domain: [...groups], padding: 0.2 },
    color: colours,
    marks: [
      Plot.barX(bars, { ...at, fill: 'dtype', rx2: 2 }),
      Plot.text(bars, {
        ...at,
        text: ({ value }) => format(value),
        textAnchor: 'start',
        dx: 5,
        fill: 'currentColor',
      }),
    ],
  });
  // An image is one thing: its parts have no names.
  for (const part of chart.querySelectorAll('[aria-label]')) part.removeAttribute('aria-label');
  chart.setAttribute('role', 'img');
  chart.setAttribute('aria-label', label);
  return chart;
}
