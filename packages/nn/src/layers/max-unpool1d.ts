import { checkOptions } from '@octet/backend';
import { maxUnpool1d, type Tensor } from '@octet/tensor/functional';
import type { Single, Size1 } from '../arguments';
import { PoolNd } from './pool-nd';

export interface MaxUnpool1dOptions {
  /** The kernel size unless given. */
  stride?: Size1;
  padding?: Size1;
}

/**
 * The partial inverse of MaxPool1d: zeros [N, C, OL] with the elements of x [N, C, L] at the places that the pool gave, where
 * `OL = (L - 1) · stride - 2 · padding + kernelSize`, or `outputSize`, which is less than a stride away from it.
 */
export class MaxUnpool1d extends PoolNd<
  Single,
  [x: Tensor, indices: Tensor, outputSize?: readonly number[]],
  Tensor
> {
  static override readonly name: string = 'MaxUnpool1d';
  static readonly pure = true;

  constructor(kernelSize: Size1, options: MaxUnpool1dOptions = {}) {
    super('MaxUnpool1d', 1, kernelSize, checkOptions('MaxUnpool1d', options, 'stride padding'));
  }

  forward(x: Tensor, indices: Tensor, outputSize?: readonly number[]): Tensor {
    const { kernelSize, stride, padding } = this;
    const size = outputSize === undefined ? {} : { outputSize };
    return maxUnpool1d(x, indices, kernelSize, { stride, padding, ...size });
  }
}
