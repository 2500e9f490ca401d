import { type Bar, type BarGroup, barsChart } from '@octet/report';
import { formatBytes, formatMs } from '../format';
import type { Layer } from '../layers';
import type { BackendResult, CompareReport } from './report';

/** The median times of the backends, each at its own scale: the slowest would leave the others no width. */
export function latencyChart({ results }: CompareReport): string {
  const groups = results.map(({ backend, fp32, int8 }) =>
    pair(backend, fp32?.medianMs, int8.medianMs, formatMs, [fp32?.middleMs, int8.middleMs]),
  );
  return barsChart(groups, { label: 'Median time by backend', bar: 22, ownScale: true });
}

/** The median times of all layers of a kind together on one backend, the slowest kind first. */
export function kindsChart({ backend, layers }: BackendResult): string {
  const kinds = new Map<string, Layer[]>();
  for (const layer of layers) {
    // The bars are of its float form, too.
    const kind = layer.type.replace(/^Quantized/, '');
    kinds.set(kind, [...(kinds.get(kind) ?? []), layer]);
  }
  const groups = [...kinds]
    .sort(([, a], [, b]) => slower(b) - slower(a))
    .map(([kind, of]) => ({
      ...pair(kind, sum(of, 'fp32'), sum(of, 'int8'), layerMs),
      detail: of.length > 1 ? `(${of.length})` : '',
    }));
  return barsChart(groups, { label: `Median time by kind of layer on ${backend}`, bar: 15 });
}

/** As many layers as a chart shows by themselves. */
const mostLayers = 12;

/** The median times of the slowest layers on one backend, slowest first, and of all others together. */
export function layersChart({ backend, layers }: BackendResult): string {
  const sorted = [...layers].sort((a, b) => slower([b]) - slower([a]));
  const rest = sorted.splice(mostLayers);
  const groups = sorted.map(({ path, type, fp32, int8 }) => ({
    ...pair(path, fp32?.medianMs, int8?.medianMs, layerMs),
    detail: type,
  }));
  if (rest.length > 0)
    groups.push({
      ...pair(`${rest.length} others`, sum(rest, 'fp32'), sum(rest, 'int8'), layerMs),
      detail: '',
    });
  return barsChart(groups, { label: `Median time by layer on ${backend}`, bar: 15 });
}

const layerMs = (ms: number) => `${ms.toFixed(ms < 1 ? 3 : 2)} ms`;

/** The milliseconds of layers together; undefined where none of them ran. */
function sum(layers: readonly Layer[], of: 'fp32' | 'int8'): number | undefined {
  const ran = layers.flatMap((layer) => layer[of]?.medianMs ?? []);
  return ran.length > 0 ? ran.reduce((a, b) => a + b) : undefined;
}

/** What of the two took longer. */
function slower(layers: readonly Layer[]): number {
  return Math.max(sum(layers, 'fp32') ?? 0, sum(layers, 'int8') ?? 0);
}

/** The sizes of the checkpoints. */
export function bytesChart({ bytes: { fp32, int8 } }: CompareReport): string {
  return barsChart([pair('file', fp32, int8, formatBytes)], {
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
  [range, int8Range]: readonly Bar['range'][] = [],
): BarGroup {
  const bar = (value: number | undefined, color: string, between: Bar['range']) =>
    value === undefined ? [] : [{ value, text: format(value), color, ...(between && { range: between }) }];
  return { name, bars: [...bar(fp32, 'var(--plain)', range), ...bar(int8, 'var(--accent)', int8Range)] };
}
