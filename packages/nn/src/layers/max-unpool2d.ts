import { checkOptions, type Pair, requirePair } from '@octet/backend';
import { maxUnpool2d, type Tensor } from '@octet/tensor/functional';
import { repr, type Size2 } from '../arguments';
import { Module } from '../module';

export interface MaxUnpool2dOptions {
  /** The kernel size unless given. */
  stride?: Size2;
  padding?: Size2;
}

/**
 * The partial inverse of MaxPool2d: zeros [N, C, OH, OW] with the elements of x [N, C, H, W] at the places that the pool gave, where
 * `OH = (H - 1) · stride - 2 · padding + kernelSize`, or `outputSize`, which is less than a stride away from it.
 */
export class MaxUnpool2d extends Module<
  [x: Tensor, indices: Tensor, outputSize?: readonly number[]],
  Tensor
> {
  static override readonly name: string = 'MaxUnpool2d';
  static readonly pure = true;

  readonly kernelSize: Pair;
  readonly stride: Pair;
  readonly padding: Pair;

  constructor(kernelSize: Size2, options: MaxUnpool2dOptions = {}) {
    super();
    const { stride = kernelSize, padding = 0 } = checkOptions('MaxUnpool2d', options, 'stride padding');
    this.kernelSize = requirePair('MaxUnpool2d', 'kernelSize', kernelSize);
    this.stride = requirePair('MaxUnpool2d', 'stride', stride);
    this.padding = requirePair('MaxUnpool2d', 'padding', padding, 0);
  }

  forward(x: Tensor, indices: Tensor, outputSize?: readonly number[]): Tensor {
    const { kernelSize, stride, padding } = this;
    const size = outputSize === undefined ? {} : { outputSize };
    return maxUnpool2d(x, indices, kernelSize, { stride, padding, ...size });
  }

  override extraRepr(): string {
    const { kernelSize, stride, padding } = this;
    return repr({ kernelSize, stride, padding });
  }
}
