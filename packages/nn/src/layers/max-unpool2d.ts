import { checkOptions, type Pair } from '@octet/backend';
import { maxUnpool2d, type Tensor } from '@octet/tensor/functional';
import type { Size2 } from '../arguments';
import { PoolNd } from './pool-nd';

export interface MaxUnpool2dOptions {
  /** The kernel size unless given. */
  stride?: Size2;
  padding?: Size2;
}

/**
 * The partial inverse of MaxPool2d: zeros [N, C, OH, OW] with the elements of x [N, C, H, W] at the places that the pool gave, where
 * `OH = (H - 1) · stride - 2 · padding + kernelSize`, or `outputSize`, which is less than a stride away from it.
 */
export class MaxUnpool2d extends PoolNd<
  Pair,
  [x: Tensor, indices: Tensor, outputSize?: readonly number[]],
  Tensor
> {
  static override readonly name: string = 'MaxUnpool2d';
  static readonly pure = true;

  constructor(kernelSize: Size2, options: MaxUnpool2dOptions = {}) {
    super('MaxUnpool2d', 2, kernelSize, checkOptions('MaxUnpool2d', options, 'stride padding'));
  }

  forward(x: Tensor, indices: Tensor, outputSize?: readonly number[]): Tensor {
    const { kernelSize, stride, padding } = this;
    const size = outputSize === undefined ? {} : { outputSize };
    return maxUnpool2d(x, indices, kernelSize, { stride, padding, ...size });
  }
}
