import { numel } from '@octet/backend';
/** Sums over numbers that pass batch by batch: nothing is kept of a batch but these. */

/** How far one signal is from another that it should equal. */
export interface Difference {
  /** Signal to quantization noise, 10 · log10(signal / noise); null if either of them is 0. */
  readonly sqnrDb: number | null;
  /** Of the angle between both; null if one of them is 0 throughout. */
  readonly cosine: number | null;
  /** The mean square of the reference. */
  readonly signal: number;
  /** The mean square of the difference. */
  readonly noise: number;
}

export function decibels(signal: number, noise: number): number | null {
  return signal > 0 && noise > 0 ? 10 * Math.log10(signal / noise) : null;
}

export class DifferenceSums {
  private count = 0;
  private signal = 0;
  private other = 0;
  private noise = 0;
  private dot = 0;
  /** Of the differences of each channel. */
  private readonly channels: { sum: number; count: number }[] = [];

  /** `shape` is that of both; channels are dim 1 of images, else the last. */
  add(reference: ArrayLike<number>, other: ArrayLike<number>, shape: readonly number[]): void {
    const axis = shape.length === 4 ? 1 : shape.length - 1;
    const channels = shape[axis] ?? 1;
    const inner = numel(shape.slice(axis + 1));
    const sums = new Float64Array(channels);
    for (let i = 0; i < reference.length; i++) {
      const a = reference[i];
      const b = other[i];
      this.signal += a * a;
      this.other += b * b;
      this.dot += a * b;
      this.noise += (a - b) * (a - b);
      sums[Math.floor(i / inner) % channels] += b - a;
    }
    this.count += reference.length;
    sums.forEach((sum, c) => {
      this.channels[c] ??= { sum: 0, count: 0 };
      this.channels[c].sum += sum;
      this.channels[c].count += reference.length / channels;
    });
  }

  get difference(): Difference | null {
    const { count, signal, noise, other, dot } = this;
    if (count === 0) return null;
    return {
      sqnrDb: decibels(signal, noise),
      cosine: signal > 0 && other > 0 ? Math.min(1, dot / Math.sqrt(signal * other)) : null,
      signal: signal / count,
      noise: noise / count,
    };
  }

  /** The part of the noise, 0 to 1, that is a constant shift of each channel: what another bias would take away. */
  get shift(): number {
    const constant = this.channels.reduce((total, { sum, count }) => total + (sum * sum) / count, 0);
    return this.noise > 0 ? constant / this.noise : 0;
  }
}

/** Counts over equal bins. */
export interface Histogram {
  /** The left end of the first bin, and the right end of the last. */
  readonly from: number;
  readonly to: number;
  readonly counts: readonly number[];
}

const bins = 64;

/** A histogram whose range grows with what it sees: by doubling, so that old bins join in pairs. */
export class GrowingHistogram {
  min = Number.POSITIVE_INFINITY;
  max = Number.NEGATIVE_INFINITY;
  private from = 0;
  private width = 0;
  private counts = new Float64Array(bins);

  add(values: ArrayLike<number>): void {
    if (values.length === 0) return;
    let min = values[0];
    let max = min;
    for (let i = 1; i < values.length; i++) {
      if (values[i] < min) min = values[i];
      else if (values[i] > max) max = values[i];
    }
    if (this.width === 0) {
      // A single number gets a range around it.
      const room = max > min ? max - min : Math.abs(max) || 1;
      this.from = max > min ? min : min - room / 2;
      this.width = room;
    }
    while (min < this.from) this.grow(1);
    while (max > this.from + this.width) this.grow(0);
    for (let i = 0; i < values.length; i++) {
      const bin = Math.floor(((values[i] - this.from) / this.width) * bins);
      this.counts[Math.min(bin, bins - 1)]++;
    }
    this.min = Math.min(this.min, min);
    this.max = Math.max(this.max, max);
  }

  /** Doubles the range: downward, so that the old bins are the upper half, or upward. */
  private grow(down: 0 | 1): void {
    const counts = new Float64Array(bins);
    this.counts.forEach((count, i) => {
      counts[(i >> 1) + (down * bins) / 2] += count;
    });
    this.counts = counts;
    if (down) this.from -= this.width;
    this.width *= 2;
  }

  get histogram(): Histogram {
    return { from: this.from, to: this.from + this.width, counts: [...this.counts] };
  }
}

/** How the integers of a scale and zero point hold what passes. */
export class LevelSums {
  private readonly counts = new Float64Array(256);
  private count = 0;
  private clipped = 0;
  private signal = 0;
  private clippingNoise = 0;
  private roundingNoise = 0;

  constructor(
    readonly scale: number,
    readonly zeroPoint: number,
  ) {}

  /** The numbers that the smallest and the largest integer mean. */
  get range(): [low: number, high: number] {
    return [(0 - this.zeroPoint) * this.scale, (255 - this.zeroPoint) * this.scale];
  }

  add(values: ArrayLike<number>): void {
    const { scale, zeroPoint, counts } = this;
    for (let i = 0; i < values.length; i++) {
      const v = values[i];
      const level = Math.round(v / scale) + zeroPoint;
      const q = Math.min(255, Math.max(0, level));
      const error = v - (q - zeroPoint) * scale;
      counts[q]++;
      this.signal += v * v;
      if (q === level) this.roundingNoise += error * error;
      else {
        this.clipped++;
        this.clippingNoise += error * error;
      }
    }
    this.count += values.length;
  }

  get clippedPart(): number {
    return this.count > 0 ? this.clipped / this.count : 0;
  }

  get clippingDb(): number | null {
    return decibels(this.signal, this.clippingNoise);
  }

  get roundingDb(): number | null {
    return decibels(this.signal, this.roundingNoise);
  }

  /** Of the 256 integers: how many occur, and how many lie between the outermost 0.05 % on either side. */
  get levels(): { used: number; middle: number } {
    const tail = this.count * 0.0005;
    const first = (order: readonly number[]) => {
      let sum = 0;
      return order.find((q) => {
        sum += this.counts[q];
        return sum > tail;
      });
    };
    const up = Array.from({ length: 256 }, (_, q) => q);
    const low = first(up) ?? 0;
    const high = first([...up].reverse()) ?? 255;
    return { used: this.counts.filter((n) => n > 0).length, middle: high - low + 1 };
  }

  /** The part of all that lies above 127. */
  get upperHalf(): number {
    return this.count > 0 ? this.counts.subarray(128).reduce((sum, n) => sum + n, 0) / this.count : 0;
  }
}
