import { checkOptions, requireFlag } from '@octet/backend';
import { avgPool1d, type Tensor } from '@octet/tensor/functional';
import type { Single, Size1 } from '../arguments';
import { PoolNd } from './pool-nd';

export interface AvgPool1dOptions {
  /** The kernel size unless given. */
  stride?: Size1;
  padding?: Size1;
  /** Whether padded positions count in the divisor. */
  countIncludePad?: boolean;
  /** Whether a last window may hang over the end of the image: sizes are rounded up. */
  ceilMode?: boolean;
}

/** The mean of each window: x [N, C, L] → [N, C, OL], sizes as in Conv1d. */
export class AvgPool1d extends PoolNd<Single, [x: Tensor], Tensor> {
  static override readonly name: string = 'AvgPool1d';
  static readonly pure = true;

  readonly countIncludePad: boolean;
  readonly ceilMode: boolean;

  constructor(kernelSize: Size1, options: AvgPool1dOptions = {}) {
    const given = checkOptions('AvgPool1d', options, 'stride padding countIncludePad ceilMode');
    super('AvgPool1d', 1, kernelSize, given);
    const { countIncludePad = true, ceilMode = false } = given;
    this.countIncludePad = countIncludePad;
    this.ceilMode = requireFlag('AvgPool1d', 'ceilMode', ceilMode);
  }

  forward(x: Tensor): Tensor {
    const { kernelSize, stride, padding, countIncludePad, ceilMode } = this;
    return avgPool1d(x, kernelSize, { stride, padding, countIncludePad, ceilMode });
  }

  protected override get more() {
    return { ceilMode: this.ceilMode || undefined };
  }
}
