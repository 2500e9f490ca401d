import { ArgumentError, QuantizationError, roundHalfEven } from '@octet/backend';
import { Buffer, type StateLoader } from '@octet/nn';
import { type Tensor, tensor } from '@octet/tensor';
import type { QparamTensors } from '../functional/observe';
import { type ObserverOptions, RangeObserver } from './base';

const f32 = Math.fround;

export interface HistogramOptions extends ObserverOptions {
  /** 2048 */
  bins?: number;
  /** How finely a histogram is split when the range grows. 128 */
  upsampleRate?: number;
  /**
   * Where the bins lie. `float` (the default): over the whole range, as PyTorch does since 2.0. `int`: over the range
   * truncated to whole numbers, dropping what lies outside: PyTorch 1.13 to the letter.
   */
  histcRange?: 'float' | 'int';
}

/**
 * Keeps a histogram of everything seen and clips the range where that lowers the squared error of quantization
 * (PyTorch's HistogramObserver, after Caffe2's norm minimization). For calibration: it reads every batch on the host.
 *
 * Where reading takes time (WebGPU) batches queue up until they have arrived; the numbers are the same. Until they have,
 * `calculateQparams` and `stateDict` refuse: `await settleObservers(model)`, which `convert` does by itself.
 */
export class HistogramObserver extends RangeObserver {
  static override readonly name: string = 'HistogramObserver';
  static readonly keepsNothing = true;

  /** How many bytes of batches, of all observers, may be on their way from the backend. */
  static maxReadingBytes = 2 ** 29;
  private static readingBytes = 0;

  readonly bins: number;
  readonly upsampleRate: number;
  readonly histcRange: 'float' | 'int';
  histogram: Buffer;
  private counts: Float32Array;
  private min = Number.POSITIVE_INFINITY;
  private max = Number.NEGATIVE_INFINITY;
  /** Batches that are on their way, in order. */
  private queue: Promise<Float32Array>[] = [];
  /** Why a batch of the queue couldn't be counted in. */
  private failure: QuantizationError | undefined = undefined;

  constructor({ bins = 2048, upsampleRate = 128, histcRange = 'float', ...options }: HistogramOptions = {}) {
    super(options, ['perTensorAffine', 'perTensorSymmetric'], []);
    if (!(Number.isInteger(bins) && bins > 0)) {
      throw new ArgumentError({
        op: 'HistogramObserver',
        expected: 'a whole number of bins > 0',
        found: String(bins),
        fix: 'Leave it out for 2048.',
      });
    }
    this.bins = bins;
    this.upsampleRate = upsampleRate;
    this.histcRange = histcRange;
    this.counts = new Float32Array(bins);
    this.histogram = new Buffer(tensor(this.counts));
  }

  override forward(x: Tensor): Tensor {
    if (x.numel === 0) return x;
    if (x.backend.readSync) this.countIn(x.detach().dataSync() as Float32Array);
    else this.enqueue(x);
    this.observed = true;
    return x;
  }

  private enqueue(x: Tensor): void {
    if (this.failure) throw this.failure;
    const { readingBytes, maxReadingBytes } = HistogramObserver;
    if (readingBytes > 0 && readingBytes + x.nbytes > maxReadingBytes) {
      throw new QuantizationError({
        op: 'HistogramObserver',
        expected: `at most ${maxReadingBytes} bytes on the way from backend '${x.backend.name}'`,
        found: `${readingBytes + x.nbytes}`,
        fix: 'Calibrate with smaller batches, and await settleObservers(model) after each.',
      });
    }
    HistogramObserver.readingBytes += x.nbytes;
    const reading = (x.detach().data() as Promise<Float32Array>).finally(() => {
      HistogramObserver.readingBytes -= x.nbytes;
    });
    this.queue.push(reading);
    // Counted in as soon as it is there. Errors are for those who wait.
    for (const done of [reading, this.settled()]) done.catch(() => {});
  }

  override async settled(): Promise<void> {
    for (let next = this.queue[0]; next; next = this.queue[0]) {
      const values = await next;
      // Another call may have counted it in.
      if (this.queue[0] !== next) continue;
      this.queue.shift();
      try {
        this.countIn(values);
      } catch (error) {
        this.queue = [];
        this.failure = error as QuantizationError;
      }
    }
    if (this.failure) throw this.failure;
  }

  /** @throws QuantizationError while batches are on their way, or for one that couldn't be counted in */
  private requireSettled(op: string): void {
    if (this.failure) throw this.failure;
    if (this.queue.length === 0) return;
    throw new QuantizationError({
      op,
      expected: 'every batch counted in',
      found: `${this.queue.length} on the way from backend '${this.minVal.backend.name}'`,
      fix: 'Call await settleObservers(model) first.',
    });
  }

  private countIn(values: Float32Array): void {
    const [newMin, newMax] = extremes(values);
    if (!(Number.isFinite(newMin) && Number.isFinite(newMax))) {
      throw new QuantizationError({
        op: 'HistogramObserver',
        expected: 'finite values',
        found: `a range from ${newMin} to ${newMax}`,
        fix: 'Find the layer that makes NaN or infinity, or leave it out of calibration.',
      });
    }
    // Before the first batch min is above max.
    if (this.min >= this.max) {
      this.counts = this.histc(values, newMin, newMax);
      this.setRange(newMin, newMax);
    } else {
      const grid = this.commonGrid(Math.min(newMin, this.min), Math.max(newMax, this.max));
      const fresh = this.histc(values, grid.min, grid.max);
      if (grid.min === this.min && grid.max === this.max) add(fresh, this.counts);
      else add(fresh, this.resample(this.counts, grid));
      this.counts = fresh;
      this.setRange(grid.min, grid.max);
    }
    this.histogram.copy_(tensor(this.counts, { backend: this.histogram.backend }));
  }

  private setRange(min: number, max: number): void {
    this.min = min;
    this.max = max;
    this.minVal.fill_(min);
    this.maxVal.fill_(max);
  }

  /** torch.histc: counts of equal bins over [min, max]; the last bin has its right edge; values outside are dropped. */
  private histc(values: Float32Array, min: number, max: number): Float32Array {
    let lo = this.histcRange === 'int' ? Math.trunc(min) : min;
    let hi = this.histcRange === 'int' ? Math.trunc(max) : max;
    if (lo === hi) [lo, hi] = extremes(values);
    if (lo === hi) {
      lo -= 1;
      hi += 1;
    }
    const counts = new Float32Array(this.bins);
    const width = f32(f32(hi) - f32(lo));
    for (const v of values) {
      if (v < lo || v > hi) continue;
      const bin = Math.trunc(f32(f32(f32(v - f32(lo)) / width) * this.bins));
      counts[bin === this.bins ? bin - 1 : bin]++;
    }
    return counts;
  }

  /**
   * Widens [min, max] so that the old histogram, split `upsampleRate` times, falls on a grid of which each new bin covers
   * `downsampleRate` cells.
   */
  private commonGrid(min: number, max: number): Grid {
    const width = f32(this.max - this.min);
    const span = f32(max - min);
    const downsampleRate = Math.ceil(f32(f32(span * this.upsampleRate) / width));
    const extra = f32(f32(f32(downsampleRate * width) / this.upsampleRate) - span);
    const start = roundHalfEven(f32(f32(f32(f32(this.min - min) * this.bins) * this.upsampleRate) / width));
    return { min, max: f32(max + extra), downsampleRate, start };
  }

  private resample(counts: Float32Array, { downsampleRate, start }: Grid): Float32Array {
    const out = new Float32Array(this.bins);
    const { upsampleRate } = this;
    // Integral of the fine histogram at each new bin's end; double, as PyTorch has it.
    let integral = 0;
    let before = 0;
    let cell = 0;
    for (let bin = 0; bin < this.bins; bin++) {
      const end = (bin + 1) * downsampleRate;
      for (; cell < end; cell++) {
        const source = cell - start;
        if (source >= 0 && source < this.bins * upsampleRate)
          integral += counts[Math.floor(source / upsampleRate)];
      }
      out[bin] = (integral - before) / upsampleRate;
      before = integral;
    }
    return out;
  }

  override calculateQparams(): QparamTensors {
    this.requireSettled('calculateQparams');
    if (!this.observed) return super.calculateQparams();
    const [min, max] = this.bestRange();
    const { backend } = this.minVal;
    return this.qparamsOf(tensor([min], { backend }), tensor([max], { backend }));
  }

  /** Moves in from both ends, always cutting the longer run of nearly empty bins, while the quantization error falls. */
  private bestRange(): [min: number, max: number] {
    const { counts, bins } = this;
    const width = f32(f32(this.max - this.min) / bins);
    const cumulative = new Float32Array(bins);
    let total = 0;
    for (let i = 0; i < bins; i++) {
      total += counts[i];
      cumulative[i] = total;
    }
    const step = 1e-5;
    let alpha = 0;
    let beta = 1;
    let start = 0;
    let end = bins - 1;
    let best = Number.POSITIVE_INFINITY;
    while (alpha < beta) {
      const nextAlpha = alpha + step;
      const nextBeta = beta - step;
      let l = start;
      let r = end;
      while (l < end && cumulative[l] < f32(nextAlpha * total)) l++;
      while (r > start && cumulative[r] > f32(nextBeta * total)) r--;
      let nextStart = start;
      let nextEnd = end;
      if (l - start > end - r) {
        nextStart = l;
        alpha = nextAlpha;
      } else {
        nextEnd = r;
        beta = nextBeta;
      }
      if (nextStart === start && nextEnd === end) continue;
      const error = this.quantizationError(nextStart, nextEnd);
      if (error > best) break;
      best = error;
      start = nextStart;
      end = nextEnd;
    }
    return [f32(this.min + f32(width * start)), f32(this.min + f32(width * (end + 1)))];
  }

  /** The squared error when bins start..end get the 256 steps and the rest saturates; each bin's density is constant. */
  private quantizationError(start: number, end: number): number {
    const { counts, bins } = this;
    const steps = 256;
    const width = (this.max - this.min) / bins;
    const stepWidth = (width * (end - start + 1)) / steps;
    if (stepWidth === 0) return 0;
    const cube = (v: number) => v * v * v;
    const whole = (2 * cube(stepWidth / 2)) / 3;
    let error = 0;
    for (let bin = 0; bin < bins; bin++) {
      if (counts[bin] === 0) continue;
      const from = (bin - start) * width;
      const to = from + width;
      const first = Math.min(Math.max(Math.floor(from / stepWidth), 0), steps - 1);
      const last = Math.min(Math.max(Math.floor(to / stepWidth), 0), steps - 1);
      const density = counts[bin] / width;
      error += (density * (cube(stepWidth / 2) - cube(from - (first + 0.5) * stepWidth))) / 3;
      error += (last - first - 1) * density * whole;
      error += (density * (cube(to - (last + 0.5) * stepWidth) - cube(-stepWidth / 2))) / 3;
    }
    return error;
  }

  override resetMinMaxVals(): void {
    super.resetMinMaxVals();
    this.startFrom(new Float32Array(this.bins), Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY);
  }

  private startFrom(counts: Float32Array, min: number, max: number): void {
    this.counts = counts;
    this.min = min;
    this.max = max;
    this.queue = [];
    this.failure = undefined;
  }

  protected override saveState(save: (key: string, tensor: Tensor) => void): void {
    this.requireSettled('stateDict');
    super.saveState(save);
  }

  protected override loadState(load: StateLoader): void {
    super.loadState(load);
    const read = (key: string) => (load.has(key) ? load.read(key) : undefined);
    const [counts, min, max] = ['histogram', 'min_val', 'max_val'].map(read);
    if (counts && min && max) load.commit(() => this.startFrom(Float32Array.from(counts), min[0], max[0]));
  }
}

interface Grid {
  min: number;
  max: number;
  downsampleRate: number;
  start: number;
}

function extremes(values: Float32Array): [min: number, max: number] {
  let min = Number.POSITIVE_INFINITY;
  let max = Number.NEGATIVE_INFINITY;
  for (const v of values) {
    if (Number.isNaN(v)) return [Number.NaN, Number.NaN];
    if (v < min) min = v;
    if (v > max) max = v;
  }
  return [min, max];
}

function add(into: Float32Array, other: Float32Array): void {
  for (let i = 0; i < into.length; i++) into[i] += other[i];
}
