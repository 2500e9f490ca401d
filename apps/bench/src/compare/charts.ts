import { type BarGroup, barsChart } from '@octet/report';
import { formatBytes, formatMs } from '../format';
import type { Layer } from '../layers';
import type { BackendResult, CompareReport } from './report';

/** The median times of the backends, each at its own scale: the slowest would leave the others no width. */
export function latencyChart({ results }: CompareReport): string {
  const groups = results.map(({ backend, fp32, int8 }) =>
    pair(backend, fp32?.medianMs, int8.medianMs, formatMs),
  );
  return barsChart(groups, { label: 'Median time by backend', bar: 22, ownScale: true });
}

/** As many layers as a chart shows by themselves. */
const mostLayers = 12;

/** The median times of the slowest layers on one backend, slowest first, and of all others together. */
export function layersChart({ backend, layers }: BackendResult): string {
  const time = ({ fp32, int8 }: Layer) => Math.max(fp32?.medianMs ?? 0, int8?.medianMs ?? 0);
  const sorted = [...layers].sort((a, b) => time(b) - time(a));
  const rest = sorted.splice(mostLayers);
  const sum = (of: 'fp32' | 'int8') => rest.reduce((ms, layer) => ms + (layer[of]?.medianMs ?? 0), 0);
  const format = (ms: number) => `${ms.toFixed(ms < 1 ? 3 : 2)} ms`;
  const groups = sorted.map(({ path, type, fp32, int8 }) => ({
    ...pair(path, fp32?.medianMs, int8?.medianMs, format),
    detail: type,
  }));
  if (rest.length > 0)
    groups.push({ ...pair(`${rest.length} others`, sum('fp32'), sum('int8'), format), detail: '' });
  return barsChart(groups, { label: `Median time by layer on ${backend}`, bar: 15 });
}

/** The sizes of the checkpoints. */
export function bytesChart({ bytes: { fp32, int8 } }: CompareReport): string {
  return barsChart([pair('checkpoint', fp32, int8, formatBytes)], {
    label: 'Size of the checkpoints',
    bar: 22,
  });
}

/** Float above int8, in the colours that the legend names. */
function pair(
  name: string,
  fp32: number | undefined,
  int8: number | undefined,
  format: (value: number) => string,
): BarGroup {
  const bar = (value: number | undefined, color: string) =>
    value === undefined ? [] : [{ value, text: format(value), color }];
  return { name, bars: [...bar(fp32, 'var(--plain)'), ...bar(int8, 'var(--accent)')] };
}
