import { ArgumentError, checkOptions, QuantizationError, warnOnce } from '@octet/backend';
import { Buffer, type StateLoader } from '@octet/nn/modules';
import { type Tensor, tensor } from '@octet/tensor/functional';
import type { QparamTensors } from '../functional/observe';
import { type ObserverOptions, observerOptions, RangeObserver } from './base';
import {
  addInPlace,
  addTo,
  commonGrid,
  finiteExtremes,
  type Histogram,
  histc,
  LARGEST,
  resample,
} from './histogram-grid';
import { bestRange } from './histogram-search';

const f32 = Math.fround;

export interface HistogramOptions extends ObserverOptions {
  /** 2048 */
  bins?: number;
  /** How finely a histogram is split when the range grows. 16; with `histcRange` 128 */
  upsampleRate?: number;
  /**
   * Left out: the bins are those of current PyTorch (2.13). With it they are an older one's, which widens a growing range
   * to a common grid and forgets batches of one value. `float`: 2.0's, over the whole range. `int`: 1.13's, over the range
   * truncated to whole numbers, dropping what lies outside.
   */
  histcRange?: 'float' | 'int';
}

/**
 * Keeps a histogram of everything seen and clips the range where that lowers the squared error of quantization
 * (PyTorch's HistogramObserver, after Caffe2's norm minimization). For calibration: it reads every batch on the host.
 * Infinities are left out, with a warning. A batch with NaN throws a QuantizationError.
 *
 * Where reading takes time (WebGPU) batches queue up until they have arrived; the numbers are the same. Until they have,
 * `calculateQparams` and `stateDict` refuse: `await flushObservers(model)`, which `convert` does by itself.
 */
export class HistogramObserver extends RangeObserver {
  static override readonly name: string = 'HistogramObserver';
  static readonly pure = true;

  /** How many bytes of batches, of all observers, may be on their way from the backend. */
  static maxReadingBytes = 2 ** 29;
  private static readingBytes = 0;

  readonly bins: number;
  readonly upsampleRate: number;
  readonly histcRange: 'float' | 'int' | undefined;
  histogram: Buffer;
  private seen: Histogram;
  /** Batches that are on their way, in order. */
  private queue: Promise<Float32Array>[] = [];
  /** Why a batch of the queue couldn't be counted in. */
  private failure: QuantizationError | undefined = undefined;

  constructor(options?: HistogramOptions) {
    const {
      bins = 2048,
      histcRange,
      upsampleRate = histcRange ? 128 : 16,
      ...rest
    } = checkOptions(new.target.name, options, `bins upsampleRate histcRange ${observerOptions}`);
    super(rest, ['perTensorAffine', 'perTensorSymmetric'], []);
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
    this.seen = nothing(bins);
    this.histogram = new Buffer(tensor(this.seen.counts));
  }

  override forward(x: Tensor): Tensor {
    if (x.numel === 0) return x;
    if (x.backend.readSync) this.countIn(x.detach().dataSync() as Float32Array);
    else {
      this.enqueue(x);
      this.observed = true;
    }
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
        fix: 'Calibrate with smaller batches, and await flushObservers(model) after each.',
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

  override get waiting(): boolean {
    return this.queue.length > 0;
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
      fix: 'Call await flushObservers(model) first.',
    });
  }

  private countIn(values: Float32Array): void {
    const { min, max, infinite } = finiteExtremes(values);
    if (Number.isNaN(min)) {
      throw new QuantizationError({
        op: 'HistogramObserver',
        expected: 'finite values',
        found: 'NaN',
        fix: 'Find the layer that makes NaN, or leave it out of calibration.',
      });
    }
    if (infinite)
      warnOnce('HistogramObserver infinities', 'HistogramObserver: infinities are left out of the range.');
    if (min <= max)
      this.seen = this.histcRange ? this.grownByGrid(values, min, max) : this.grown(values, min, max);
    this.observed = this.seen.min <= this.seen.max;
    this.minVal.fill_(this.seen.min);
    this.maxVal.fill_(this.seen.max);
    this.histogram.copy_(tensor(this.seen.counts, { backend: this.histogram.backend }));
  }

  private grown(values: Float32Array, newMin: number, newMax: number): Histogram {
    const { seen, bins, upsampleRate } = this;
    let min = Math.min(newMin, seen.min);
    let max = Math.max(newMax, seen.max);
    if (f32(max - min) > LARGEST) {
      // PyTorch's scale is NaN from here on.
      min = Math.max(min, -LARGEST / 2);
      max = Math.min(max, LARGEST / 2);
    }
    const next = { counts: histc(values, bins, min, max), min, max };
    if (min === seen.min && max === seen.max) addInPlace(next.counts, seen.counts);
    else if (seen.min <= seen.max) addTo(next, seen, upsampleRate);
    return next;
  }

  /** As `grown`, in PyTorch 1.13's and 2.0's way. */
  private grownByGrid(values: Float32Array, newMin: number, newMax: number): Histogram {
    const { seen, bins, upsampleRate } = this;
    const count = (min: number, max: number) =>
      this.histcRange === 'int'
        ? histc(values, bins, Math.trunc(min), Math.trunc(max))
        : histc(values, bins, min, max);
    // Before the first batch min is above max. After batches of one value it starts anew.
    if (seen.min >= seen.max) return { counts: count(newMin, newMax), min: newMin, max: newMax };
    const grid = commonGrid(seen, Math.min(newMin, seen.min), Math.max(newMax, seen.max), upsampleRate);
    const { min, max } = grid;
    const counts = count(min, max);
    addInPlace(
      counts,
      min === seen.min && max === seen.max ? seen.counts : resample(seen, grid, upsampleRate),
    );
    return { counts, min, max };
  }

  override calculateQparams(): QparamTensors {
    this.requireSettled('calculateQparams');
    if (!this.observed) return super.calculateQparams();
    const [min, max] = this.rangeOf(this.seen);
    const { backend } = this.minVal;
    return this.qparamsOf(tensor([min], { backend }), tensor([max], { backend }));
  }

  /** The range that is taken of what was seen. */
  protected rangeOf(seen: Histogram): [min: number, max: number] {
    return bestRange(seen);
  }

  override resetMinMaxVals(): void {
    super.resetMinMaxVals();
    this.startFrom(nothing(this.bins));
  }

  private startFrom(seen: Histogram): void {
    this.seen = seen;
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
    if (!counts || !min || !max) return;
    // Without a number nothing was observed.
    const [lo = Number.POSITIVE_INFINITY] = min;
    const [hi = Number.NEGATIVE_INFINITY] = max;
    load.commit(() => this.startFrom({ counts: Float32Array.from(counts), min: lo, max: hi }));
  }
}

function nothing(bins: number): Histogram {
  return {
    counts: new Float32Array(bins),
    min: Number.POSITIVE_INFINITY,
    max: Number.NEGATIVE_INFINITY,
  };
}
