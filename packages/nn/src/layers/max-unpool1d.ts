import { checkOptions, requireSingle } from '@octet/backend';
import { maxUnpool1d, type Tensor } from '@octet/tensor/functional';
import { repr, type Single, type Size1 } from '../arguments';
import { Module } from '../module';

export interface MaxUnpool1dOptions {
  /** The kernel size unless given. */
  stride?: Size1;
  padding?: Size1;
}

/**
 * The partial inverse of MaxPool1d: zeros [N, C, OL] with the elements of x [N, C, L] at the places that the pool gave, where
 * `OL = (L - 1) · stride - 2 · padding + kernelSize`, or `outputSize`, which is less than a stride away from it.
 */
export class MaxUnpool1d extends Module<
  [x: Tensor, indices: Tensor, outputSize?: readonly number[]],
  Tensor
> {
  static override readonly name: string = 'MaxUnpool1d';
  static readonly pure = true;

  readonly kernelSize: Single;
  readonly stride: Single;
  readonly padding: Single;

  constructor(kernelSize: Size1, options: MaxUnpool1dOptions = {}) {
    super();
    const { stride = kernelSize, padding = 0 } = checkOptions('MaxUnpool1d', options, 'stride padding');
    this.kernelSize = [requireSingle('MaxUnpool1d', 'kernelSize', kernelSize)];
    this.stride = [requireSingle('MaxUnpool1d', 'stride', stride)];
    this.padding = [requireSingle('MaxUnpool1d', 'padding', padding, 0)];
  }

  forward(x: Tensor, indices: Tensor, outputSize?: readonly number[]): Tensor {
    const { kernelSize, stride, padding } = this;
    const size = outputSize === undefined ? {} : { outputSize };
    return maxUnpool1d(x, indices, kernelSize, { stride, padding, ...size });
  }

  override extraRepr(): string {
    const { kernelSize, stride, padding } = this;
    return repr({ kernelSize, stride, padding });
  }
}
