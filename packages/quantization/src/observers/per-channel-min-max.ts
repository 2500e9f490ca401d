import { checkOptions, ShapeError } from '@octet/backend';
import { formatShape, type Tensor } from '@octet/tensor/functional';
import { observeMinMax } from '../functional/observe';
import { type ObserverOptions, observerOptions, RangeObserver } from './base';

export interface PerChannelOptions extends ObserverOptions {
  /** The dim that has a scale for each index: 0, the output channels of a weight. */
  chAxis?: number;
}

/** The running minimum and maximum of each channel. */
export class PerChannelMinMaxObserver extends RangeObserver {
  static override readonly name: string = 'PerChannelMinMaxObserver';
  static readonly pure = true;

  private readonly axis: number;

  constructor(options?: PerChannelOptions) {
    const {
      chAxis = 0,
      qscheme = 'perChannelAffine',
      ...rest
    } = checkOptions(new.target.name, options, `chAxis ${observerOptions}`);
    super({ qscheme, ...rest }, ['perChannelAffine', 'perChannelSymmetric'], [0]);
    this.axis = chAxis;
  }

  override get chAxis(): number {
    return this.axis;
  }

  /** The averaging constant, or null for the running extremes. */
  protected get movingAverage(): number | null {
    return null;
  }

  override forward(x: Tensor): Tensor {
    if (x.numel === 0) return x;
    this.beginBatch(x);
    observeMinMax(x, this.minVal, this.maxVal, { axis: this.axis, averagingConstant: this.movingAverage });
    return x;
  }

  override beginBatch(x: Tensor): void {
    const channels = x.shape[this.axis];
    if (!this.observed) this.clearRange([channels], x);
    if (this.minVal.numel !== channels) {
      throw new ShapeError({
        op: this.constructor.name,
        expected: `${this.minVal.numel} channels along axis ${this.axis}, as in the first batch`,
        found: formatShape(x.shape),
        fix: 'Use one observer for one tensor, or resetMinMaxVals() in between.',
      });
    }
    super.beginBatch(x);
  }
}
