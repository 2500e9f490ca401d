import {
  ArgumentError,
  checkOptions,
  describe,
  isScale,
  QuantizationError,
  type QuantizedDType,
  requireOneOf,
  type TypedArray,
} from '@octet/backend';
import { Buffer, Module, type StateLoader } from '@octet/nn/modules';
import { checkScale, type Tensor, tensor, zeros } from '@octet/tensor/functional';
import { type QparamTensors, qparamsOfRange, untouchedRange } from '../functional/observe';
import { numbersOf, one } from '../loaded';
import { type ObserverFactory, withArgs } from '../with-args';

export type QScheme = 'perTensorAffine' | 'perTensorSymmetric' | 'perChannelAffine' | 'perChannelSymmetric';

export interface ObserverOptions {
  /** quint8 for activations (the default), qint8 for weights. */
  dtype?: 'quint8' | 'qint8';
  qscheme?: QScheme;
  /** Use 7 of the 8 bits: 0..127 or -64..63. */
  reduceRange?: boolean;
  /** A range of one's own, instead of the dtype's. */
  quantMin?: number;
  quantMax?: number;
  /** The smallest scale; 2^-23. */
  eps?: number;
}

/** Their names, for checkOptions. */
export const observerOptions = 'dtype qscheme reduceRange quantMin quantMax eps';

const dtypeRange = { quint8: [0, 255], qint8: [-128, 127] } as const;

/**
 * Watches the tensors that pass and says how to quantize them. `forward` returns its input.
 *
 * The ranges stay on the backend; only `convert` reads them.
 */
export abstract class Observer extends Module {
  readonly dtype: 'quint8' | 'qint8';
  readonly qscheme: QScheme;
  readonly reduceRange: boolean;
  readonly quantMin: number;
  readonly quantMax: number;
  /** The smallest scale; a state dict brings its own. */
  eps: number;
  private readonly customRange: boolean;
  /** Whether a batch has been seen, or a range loaded. */
  observed = false;

  constructor(options?: ObserverOptions) {
    const {
      dtype = 'quint8',
      qscheme = 'perTensorAffine',
      reduceRange = false,
      quantMin,
      quantMax,
      eps = 2 ** -23,
    } = checkOptions(new.target.name, options, observerOptions);
    super();
    this.dtype = dtype;
    this.qscheme = qscheme;
    this.reduceRange = reduceRange;
    requireOneOf(new.target.name, 'dtype', dtype, Object.keys(dtypeRange));
    checkScale(`${new.target.name}: eps`, eps);
    this.eps = eps;
    this.customRange = quantMin !== undefined && quantMax !== undefined;
    if (!(dtype in dtypeRange)) {
      throw new ArgumentError({
        op: new.target.name,
        expected: 'dtype quint8 or qint8',
        found: describe(dtype),
        fix: 'Name one of the two.',
      });
    }
    const [min, max] = this.customRange ? [quantMin as number, quantMax as number] : dtypeRange[dtype];
    checkRange(new.target.name, dtype, min, max);
    this.quantMin = reduceRange ? Math.floor(min / 2) : min;
    this.quantMax = reduceRange ? Math.floor(max / 2) : max;
  }

  /** The class with options fixed, for a QConfig; the factory's own `withArgs` fixes more. */
  static withArgs<O>(this: new (options: O) => Observer, options: O): ObserverFactory {
    return withArgs(this, options);
  }

  /** The channel dim of the per-channel observers. */
  get chAxis(): number | undefined {
    return undefined;
  }

  get isSymmetric(): boolean {
    return this.qscheme === 'perTensorSymmetric' || this.qscheme === 'perChannelSymmetric';
  }

  /** Scale and zero point of what was seen; 1 and 0 before anything was. */
  abstract calculateQparams(): QparamTensors;

  /** Whether batches are queued: then `calculateQparams` refuses. */
  get waiting(): boolean {
    return false;
  }

  /** Waits until all queued batches are counted. Only an observer that reads on the host queues them. */
  async settled(): Promise<void> {}

  /** What the symmetric schemes use as zero point. */
  get symmetricZeroPoint(): number {
    if (this.dtype === 'qint8') return 0;
    return this.customRange ? Math.floor((this.quantMin + this.quantMax) / 2) : 128;
  }

  override extraRepr(): string {
    return `dtype=${this.dtype}, qscheme=${this.qscheme}, quantMin=${this.quantMin}, quantMax=${this.quantMax}`;
  }
}

function checkRange(
  op: string,
  dtype: QuantizedDType & keyof typeof dtypeRange,
  min: number,
  max: number,
): void {
  const [lo, hi] = dtypeRange[dtype];
  if (Number.isInteger(min) && Number.isInteger(max) && min < max && min >= lo && max <= hi) return;
  throw new ArgumentError({
    op,
    expected: `whole numbers ${lo} <= quantMin < quantMax <= ${hi} (${dtype})`,
    found: `${min} and ${max}`,
    fix: 'Choose a range inside the dtype, or another dtype.',
  });
}

/** An observer of minimum and maximum: what the four min-max observers share. */
export abstract class RangeObserver extends Observer {
  minVal: Buffer;
  maxVal: Buffer;

  constructor(options: ObserverOptions | undefined, allowed: readonly QScheme[], shape: readonly number[]) {
    super(options);
    if (!allowed.includes(this.qscheme)) {
      throw new QuantizationError({
        op: new.target.name,
        expected: `a qscheme of ${allowed.join(' or ')}`,
        found: this.qscheme,
        fix: this.qscheme.startsWith('perChannel')
          ? 'Use the PerChannel observer.'
          : 'Use the observer without PerChannel.',
      });
    }
    const range = untouchedRange(shape);
    this.minVal = new Buffer(range.minVal, { anyShape: true });
    this.maxVal = new Buffer(range.maxVal, { anyShape: true });
  }

  override calculateQparams(): QparamTensors {
    if (!this.observed)
      return {
        scale: tensor([1], { backend: this.minVal.backend }),
        zeroPoint: zeros([1], { dtype: 'int32', backend: this.minVal.backend }),
      };
    return this.qparamsOf(this.minVal, this.maxVal);
  }

  protected qparamsOf(minVal: Tensor, maxVal: Tensor): QparamTensors {
    return qparamsOfRange(minVal, maxVal, {
      quantMin: this.quantMin,
      quantMax: this.quantMax,
      symmetric: this.isSymmetric,
      symmetricZeroPoint: this.symmetricZeroPoint,
      eps: this.eps,
    });
  }

  /** Makes the range ready for a batch, which counts as seen. @throws ShapeError for another number of channels */
  beginBatch(_x: Tensor): void {
    this.observed = true;
  }

  /** Forgets everything seen. */
  resetMinMaxVals(): void {
    this.clearRange(this.chAxis === undefined ? [] : [0]);
    this.observed = false;
  }

  /** A new untouched range of another shape. */
  protected clearRange(shape: readonly number[], like: Tensor = this.minVal): void {
    const range = untouchedRange(shape, like);
    this.minVal = new Buffer(range.minVal, { anyShape: true });
    this.maxVal = new Buffer(range.maxVal, { anyShape: true });
  }

  protected override saveState(save: (key: string, tensor: Tensor) => void): void {
    save('eps', tensor([this.eps], { backend: this.minVal.backend }));
    super.saveState(save);
  }

  protected override loadState(load: StateLoader): void {
    const [eps] = numbersOf(load, 'eps', 'one number > 0', one(isScale)) ?? [];
    super.loadState(load);
    const { chAxis } = this;
    const channels = this.observed ? this.minVal.numel : 0;
    const mins = rangeOf(load, 'min_val', chAxis, channels);
    // A range saved before anything was observed has minimum +inf, or none.
    const observed = mins?.[0] !== undefined && mins[0] !== Number.POSITIVE_INFINITY;
    numbersOf(
      load,
      'max_val',
      'as many numbers as min_val, none less than it',
      (maxs) => maxs.length === mins?.length && !(observed && maxs.some((max, i) => max < mins[i])),
    );
    load.commit(() => {
      if (eps !== undefined) this.eps = eps;
      if (!mins) return;
      this.observed = observed;
      if (!observed) this.clearRange(chAxis === undefined ? [] : [0]);
    });
  }
}

/**
 * The numbers of a range or of its scales: one for the tensor, [] or [1]; with `chAxis` one for each channel, of which there
 * are `channels` if not 0; [0] before anything was observed.
 */
export function rangeOf(
  load: StateLoader,
  key: string,
  chAxis: number | undefined,
  channels = 0,
): TypedArray | undefined {
  const each = chAxis === undefined ? 'one number' : `one number for each of ${channels || 'its'} channels`;
  return numbersOf(load, key, each, ({ length }, { length: dim }) =>
    chAxis === undefined
      ? dim <= 1 && length <= 1
      : dim === 1 && (!channels || !length || length === channels),
  );
}
