import { HistogramObserver } from './histogram';
import type { Histogram } from './histogram-grid';

/** So many bounds are tried from each end of what was seen towards 0, each this part of the one before. */
const BOUNDS = 200;
const NEXT_BOUND = 0.98;

/** A bound, and what lies beyond it. */
interface Cut {
  readonly bound: number;
  readonly count: number;
  /** Σ (v - bound)² */
  readonly error: number;
}

/**
 * Keeps a histogram of everything seen, as HistogramObserver does, and takes the range with the least squared error among those whose bounds are
 * 2 % apart: the recipe of graphs. PyTorch's search, of HistogramObserver, stops at the first range that is worse than the
 * one before, and takes zeros for numbers that are rounded (docs/numerics.md, "Observer qparams").
 */
export class MSEObserver extends HistogramObserver {
  static override readonly name: string = 'MSEObserver';

  protected override rangeOf(seen: Histogram): [min: number, max: number] {
    const { isSymmetric } = this;
    const [low, high] = [Math.min(seen.min, 0), Math.max(seen.max, 0)];
    const largest = Math.max(-low, high);
    const below = cuts(seen, isSymmetric ? -largest : low, -1);
    const above = cuts(seen, isSymmetric ? largest : high, 1);
    const steps = this.quantMax - this.quantMin;
    const rounded = roundedIn(seen);
    let least = Number.POSITIVE_INFINITY;
    let range: [number, number] = [low, high];
    for (const [i, min] of below.entries()) {
      for (const max of isSymmetric ? [above[i]] : above) {
        const scale = (max.bound - min.bound) / steps;
        const inside = Math.max(0, rounded - min.count - max.count);
        const error = min.error + max.error + (inside * scale * scale) / 12;
        if (error < least) {
          least = error;
          range = [min.bound, max.bound];
        }
      }
    }
    return range;
  }
}

/** Bounds from `end` towards 0, the farthest first; 0 alone where that is the end. */
function cuts({ counts, min, max }: Histogram, end: number, sign: 1 | -1): Cut[] {
  if (end === 0) return [{ bound: 0, count: 0, error: 0 }];
  const bins = counts.length;
  const width = (max - min) / bins;
  let bin = sign > 0 ? bins - 1 : 0;
  let [count, sum, squares] = [0, 0, 0];
  return Array.from({ length: BOUNDS }, (_, i) => {
    const bound = end * NEXT_BOUND ** i;
    for (; bin >= 0 && bin < bins; bin -= sign) {
      const v = min + (bin + 0.5) * width;
      if (sign * (v - bound) <= 0) break;
      count += counts[bin];
      sum += counts[bin] * v;
      squares += counts[bin] * v * v;
    }
    return { bound, count, error: squares - 2 * bound * sum + bound * bound * count };
  });
}

/** How many numbers rounding moves: 0 stays what it is. */
function roundedIn({ counts, min, max }: Histogram): number {
  const width = (max - min) / counts.length;
  const ofZero = width > 0 ? Math.floor(-min / width) : min === 0 ? 0 : -1;
  let sum = 0;
  for (let bin = 0; bin < counts.length; bin++) if (bin !== ofZero) sum += counts[bin];
  return sum;
}
