import type { Tensor } from '@octet/tensor/functional';
import { observeMinMax } from '../functional/observe';
import { type ObserverOptions, RangeObserver } from './base';

/** The running minimum and maximum of all batches. */
export class MinMaxObserver extends RangeObserver {
  static override readonly name: string = 'MinMaxObserver';
  static readonly pure = true;

  constructor(options?: ObserverOptions) {
    super(options, ['perTensorAffine', 'perTensorSymmetric'], []);
  }

  override forward(x: Tensor): Tensor {
    if (x.numel === 0) return x;
    this.beginBatch(x);
    observeMinMax(x, this.minVal, this.maxVal, { axis: undefined, averagingConstant: null });
    return x;
  }
}
