/** How a HistogramObserver's bins grow with the range: PyTorch's arithmetic, in float32 step by step. */
import { QuantizationError, roundHalfEven } from '@octet/backend';

const f32 = Math.fround;
/** The largest float32. */
export const LARGEST = (2 - 2 ** -23) * 2 ** 127;

/** Counts of equal bins over [min, max]; min is above max before anything was counted. */
export interface Histogram {
  readonly counts: Float32Array;
  readonly min: number;
  readonly max: number;
}

/**
 * torch.histc: counts of `bins` equal bins over [min, max]; the last bin has its right edge; values outside are dropped.
 * Where min is max: over the values' own range, or the range from one below to one above.
 */
export function histc(values: ArrayLike<number>, bins: number, min: number, max: number): Float32Array {
  const counts = new Float32Array(bins);
  let lo = f32(min);
  let hi = f32(max);
  if (lo === hi) ({ min: lo, max: hi } = finiteExtremes(values));
  if (lo === hi) {
    lo = f32(lo - 1);
    hi = f32(hi + 1);
  }
  const width = f32(hi - lo);
  const huge = width > LARGEST / bins;
  for (let i = 0; i < values.length; i++) {
    const v = values[i];
    if (!(v >= lo && v <= hi)) continue;
    const at = f32(v - lo);
    const bin = Math.trunc(huge ? (at / width) * bins : f32(f32(at * bins) / width));
    // Beyond 2^24 one more is the same number: the middle, as PyTorch has it.
    counts[width === 0 ? bins >> 1 : bin === bins ? bin - 1 : bin]++;
  }
  return counts;
}

/** Minimum and maximum of what is finite: Infinity and -Infinity where nothing is; NaN where there is one. */
export function finiteExtremes(values: ArrayLike<number>): { min: number; max: number; infinite: boolean } {
  let min = Number.POSITIVE_INFINITY;
  let max = Number.NEGATIVE_INFINITY;
  let infinite = false;
  for (let i = 0; i < values.length; i++) {
    const v = values[i];
    // NaN for an infinity, too.
    if (v - v === 0) {
      if (v < min) min = v;
      if (v > max) max = v;
    } else if (Number.isNaN(v)) return { min: v, max: v, infinite };
    else infinite = true;
  }
  return { min, max, infinite };
}

/**
 * Adds the counts of one histogram to another, whose range holds its own, as PyTorch 2.13's `_combine_histograms`: each bin
 * becomes `upsampleRate` cells, and each cell goes where its middle lies.
 */
export function addTo({ counts: into, ...to }: Histogram, old: Histogram, upsampleRate: number): void {
  const bins = into.length;
  const { counts, min, max } = old;
  if (min === max) {
    const bin = histc([Math.min(Math.max(min, to.min), to.max)], bins, to.min, to.max).indexOf(1);
    into[bin] += floatSum(counts);
    return;
  }
  const moved = new Float32Array(bins);
  const cells = bins * upsampleRate;
  const half = f32(0.5 * f32(f32(max - min) / cells));
  const start = linspace(min, max, cells);
  const edge = linspace(to.min, to.max, bins);
  let bin = 0;
  for (let cell = 0; cell < cells; cell++) {
    const middle = f32(start(cell) + half);
    while (bin < bins - 1 && edge(bin + 1) <= middle) bin++;
    while (bin > 0 && edge(bin) > middle) bin--;
    moved[bin] += f32(counts[Math.floor(cell / upsampleRate)] / upsampleRate);
  }
  addInPlace(into, moved);
}

export function addInPlace(into: Float32Array, other: Float32Array): void {
  for (let i = 0; i < into.length; i++) into[i] += other[i];
}

/** torch.linspace: the i-th of the ends of `parts` equal parts; product and sum are rounded once. */
function linspace(start: number, end: number, parts: number): (i: number) => number {
  const step = f32(f32(end - start) / parts);
  const halfway = Math.floor((parts + 1) / 2);
  return (i) => f32(i < halfway ? start + step * i : end - step * (parts - i));
}

/** torch.sum of float32. */
export function floatSum(values: Float32Array): number {
  let sum = 0;
  for (const v of values) sum += v;
  return f32(sum);
}

/** The grid of PyTorch before its `_combine_histograms`: see `growByGrid`. */
interface Grid {
  readonly min: number;
  readonly max: number;
  /** How many cells a new bin covers. */
  readonly downsampleRate: number;
  /** The cell at which the old histogram starts. */
  readonly start: number;
}

/**
 * Widens [min, max] so that the old histogram, split `upsampleRate` times, falls on a grid of which each new bin covers
 * `downsampleRate` cells: PyTorch 1.13's and 2.0's way. @throws QuantizationError where float32 has no such range
 */
export function commonGrid(old: Histogram, min: number, max: number, upsampleRate: number): Grid {
  const width = f32(old.max - old.min);
  const span = f32(max - min);
  const downsampleRate = Math.ceil(f32(f32(span * upsampleRate) / width));
  const extra = f32(f32(f32(downsampleRate * width) / upsampleRate) - span);
  const cells = f32(f32(f32(f32(old.min - min) * old.counts.length) * upsampleRate) / width);
  const grid = { min, max: f32(max + extra), downsampleRate, start: roundHalfEven(cells) };
  if (Number.isFinite(grid.max) && Number.isFinite(grid.start)) return grid;
  throw new QuantizationError({
    op: 'HistogramObserver',
    expected: 'ranges with a common grid',
    found: `[${old.min}, ${old.max}], then [${min}, ${max}]`,
    fix: 'Leave histcRange out, for the bins of current PyTorch.',
  });
}

/** The old histogram's counts in the grid's bins. */
export function resample(
  { counts }: Histogram,
  { downsampleRate, start }: Grid,
  upsampleRate: number,
): Float32Array {
  const bins = counts.length;
  const out = new Float32Array(bins);
  // Integral of the fine histogram at each new bin's end; double, as PyTorch has it.
  let integral = 0;
  let before = 0;
  let source = 0;
  for (let bin = 0; bin < bins; bin++) {
    const end = Math.min((bin + 1) * downsampleRate - start, bins * upsampleRate);
    for (; source < end; source++) integral += counts[Math.floor(source / upsampleRate)];
    out[bin] = (integral - before) / upsampleRate;
    before = integral;
  }
  return out;
}
