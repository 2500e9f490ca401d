import { checkOptions, type Pair, requireFlag } from '@octet/backend';
import { avgPool2d, type Tensor } from '@octet/tensor/functional';
import type { Size2 } from '../arguments';
import { PoolNd } from './pool-nd';

export interface AvgPool2dOptions {
  /** The kernel size unless given. */
  stride?: Size2;
  padding?: Size2;
  /** Whether padded positions count in the divisor. */
  countIncludePad?: boolean;
  /** Whether a last window may hang over the end of the image: sizes are rounded up. */
  ceilMode?: boolean;
}

/** The mean of each window: x [N, C, H, W] → [N, C, OH, OW], sizes as in Conv2d. */
export class AvgPool2d extends PoolNd<Pair, [x: Tensor], Tensor> {
  static override readonly name: string = 'AvgPool2d';
  static readonly pure = true;

  readonly countIncludePad: boolean;
  readonly ceilMode: boolean;

  constructor(kernelSize: Size2, options: AvgPool2dOptions = {}) {
    const given = checkOptions('AvgPool2d', options, 'stride padding countIncludePad ceilMode');
    super('AvgPool2d', 2, kernelSize, given);
    const { countIncludePad = true, ceilMode = false } = given;
    this.countIncludePad = countIncludePad;
    this.ceilMode = requireFlag('AvgPool2d', 'ceilMode', ceilMode);
  }

  forward(x: Tensor): Tensor {
    const { kernelSize, stride, padding, countIncludePad, ceilMode } = this;
    return avgPool2d(x, kernelSize, { stride, padding, countIncludePad, ceilMode });
  }

  protected override get more() {
    return { ceilMode: this.ceilMode || undefined };
  }
}
