import { checkOptions, requireNumbers } from '@octet/backend';
import type { Tensor } from '@octet/tensor/functional';
import { observeMinMax } from '../functional/observe';
import { type ObserverOptions, observerOptions, RangeObserver } from './base';

export interface MovingAverageOptions extends ObserverOptions {
  /** The weight of a new batch: m + averagingConstant * (batch - m). 0.01 */
  averagingConstant?: number;
}

/** Moving averages of the batches' minima and maxima; the first batch counts whole. */
export class MovingAverageMinMaxObserver extends RangeObserver {
  static override readonly name: string = 'MovingAverageMinMaxObserver';
  static readonly pure = true;

  readonly averagingConstant: number;

  constructor(options?: MovingAverageOptions) {
    const { averagingConstant = 0.01, ...rest } = checkOptions(
      new.target.name,
      options,
      `averagingConstant ${observerOptions}`,
    );
    super(rest, ['perTensorAffine', 'perTensorSymmetric'], []);
    requireNumbers(new.target.name, { averagingConstant });
    this.averagingConstant = averagingConstant;
  }

  override forward(x: Tensor): Tensor {
    if (x.numel === 0) return x;
    const { averagingConstant } = this;
    this.beginBatch(x);
    observeMinMax(x, this.minVal, this.maxVal, { axis: undefined, averagingConstant });
    return x;
  }
}
